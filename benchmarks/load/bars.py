#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Measures the server against its bars and prints them as a markdown table, then the raw rounds.

Usually started by benchmarks/run, which builds what it needs. The method is described in benchmarks/README.md.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import platform
import re
import resource
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = str(CPUS[0]), str(CPUS[-1])
SERVER, LIMIT, SECOND = 'antiphon', 'raw_epoll', 'raw_asio_wait'
PARAMETER_PATH = '/api/v1/thing177/12345'
LAYERS = ['--routes', '200', '--layers']


@dataclasses.dataclass
class Peer:
    """A server that can be started: {port} in its command is replaced; close are arguments for one request each."""
    command: list
    close: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Row:
    what: str
    bar: str
    measured: str
    ok: bool
    spread: str = ''


class Unmeasured(Exception):
    pass


# --- processes -------------------------------------------------------------------------------------------------------

class Process:
    """One server, pinned to its processor, stopped by its pid."""

    def __init__(self, peer, extra=(), under=(), env=None):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = s.getsockname()[1]
        command = [part.replace('{port}', str(self.port)) for part in peer.command]
        self.log = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(['taskset', '-c', SERVER_CPU, *under, *command, *extra], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unmeasured(f'{shlex.join(command)} does not listen: {self.output()[-500:]}')
            time.sleep(0.05)
        time.sleep(0.1)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Bench:
    def __init__(self, options):
        self.options = options
        program = lambda name, *more: [os.path.join(options.bin, name), *more]
        self.load_program = program('load')
        self.counter = os.path.join(options.bin, 'libcount.so')
        self.llhttp = program('llhttp_only')
        server = shlex.split(options.server) if options.server else program('server', '{port}')
        self.peers = {
            LIMIT: Peer(program('raw_epoll', '{port}'), ['--close']),
            SERVER: Peer(server, shlex.split(options.server_close)),
            SECOND: Peer(program('raw_asio_wait', '{port}'), ['--close']),
        }
        self.raw = []  # markdown
        self.saved = {}

    def load(self, mode, server, timeout=120, **options):
        command = ['taskset', '-c', LOAD_CPU, *self.load_program, mode, '--port', str(server.port), '--pid', str(server.pid)]
        for name, value in options.items():
            command += ['--' + name, str(value)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
            result = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            raise Unmeasured(f'load {mode} took more than {timeout} s') from None
        except json.JSONDecodeError:
            raise Unmeasured((done.stdout + done.stderr)[-300:]) from None
        if 'error' in result:
            raise Unmeasured(result['error'])
        return result

    def steady(self, run):
        """A closed loop keeps the server or the client busy. When neither was, the host starved the machine: again."""
        for attempt in range(1 if self.options.quick else 5):
            result = run()
            result['tries'] = attempt + 1
            if max(result['util'], result['load_util']) > 0.9:
                break
            time.sleep(1 + attempt)
        return result

    def interleaved(self, title, run, close=False):
        """Rounds of all peers by turns, the first one of a round changing: {peer: [result, ...]}."""
        results = {name: [] for name in self.peers}
        with contextlib.ExitStack() as stack:
            running = {name: stack.enter_context(Process(peer, peer.close if close else ()))
                       for name, peer in self.peers.items()}
            names = list(running)
            for number in range(self.options.rounds):
                for name in names[number % len(names):] + names[:number % len(names)]:
                    note(f'{title}: round {number + 1} of {self.options.rounds}, {name}')
                    results[name].append(self.steady(lambda: run(running[name])))
                    time.sleep(0.15)
        self.rounds_table(title, results, ['cpu_us', 'rps', 'p50_ms', 'p99_ms', 'util', 'load_util', 'tries', 'reconnects'])
        return results

    def rounds_table(self, title, results, keys):
        self.saved[title] = results
        lines = [['round', 'server', *keys]]
        for name, rounds in results.items():
            lines += [[str(i + 1), name, *(number(r[k]) for k in keys)] for i, r in enumerate(rounds)]
        medians = [['median', name, *(number(median(rounds, k)) for k in keys)] for name, rounds in results.items()]
        self.table(title, lines + medians)

    def table(self, title, lines):
        self.raw.append(f'### {title}\n\n{markdown(lines)}\n')


# --- formatting ------------------------------------------------------------------------------------------------------

def note(text):
    if sys.stderr.isatty():
        print(f'\r\033[K{text}', end='', file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def number(value):
    if isinstance(value, str):
        return value
    size = abs(value)
    if float(value).is_integer() or size >= 1000:
        return f'{value:,.0f}'
    return f'{value:.1f}' if size >= 100 else f'{value:.2f}' if size >= 10 else f'{value:.3f}'


def markdown(lines):
    head, *rest = lines
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in [head, ['---'] * len(head), *rest])


def ratio_row(what, bar, results, key):
    ours, theirs = results[SERVER], results[LIMIT]
    ratio = median(ours, key) / median(theirs, key)
    pairs = [a[key] / b[key] for a, b in zip(ours, theirs)]
    second = median(results[SECOND], key) / median(theirs, key)
    return Row(f'{what} ({SECOND}: {second:.2f})', f'≤ {bar:.2f}', f'{ratio:.2f}', ratio <= bar, f'{min(pairs):.2f}..{max(pairs):.2f}')


# --- what is measured ------------------------------------------------------------------------------------------------

def light(bench):
    rows = []
    for conns, bar in ((64, 1.05), (512, 1.06)):
        results = bench.interleaved(f'keep-alive, {conns} connections',
                                    lambda s: bench.load('http', s, conns=conns, secs=bench.options.secs))
        rows.append(ratio_row(f'keep-alive GET, {conns} connections: CPU a request against {LIMIT}', bar, results, 'cpu_us'))
        rows.append(ratio_row(f'keep-alive GET, {conns} connections: p99 against {LIMIT}', 1.5, results, 'p99_ms'))
    return rows


def pipeline(bench):
    results = bench.interleaved('16 pipelined, 64 connections',
                                lambda s: bench.load('http', s, conns=64, depth=16, secs=bench.options.secs))
    return [ratio_row(f'16 pipelined, 64 connections: CPU a request against {LIMIT}', 1.25, results, 'cpu_us')]


def close(bench):
    results = bench.interleaved('one connection a request, 64 at a time',
                                lambda s: bench.load('close', s, conns=64, secs=bench.options.secs), close=True)
    return [ratio_row(f'one connection a request: CPU against {LIMIT}', 1.30, results, 'cpu_us')]


def idle(bench):
    """A process for each round: what memory was returned to it by an earlier one does not count again."""
    results = {name: [] for name in bench.peers}
    rounds, quiet = (1, 2) if bench.options.quick else (3, 15)
    for i in range(rounds):
        for name, peer in bench.peers.items():
            note(f'idle connections: round {i + 1} of {rounds}, {name}')
            with Process(peer) as server:
                results[name].append(bench.load('idle', server, conns=10000, quiet=quiet))
    bench.rounds_table('10,000 idle connections', results,
                       ['bytes_per_conn', 'rss0_kb', 'rss1_kb', 'cpu_us_per_conn', 'quiet_cpu_ms_per_s'])
    ours = results[SERVER]
    each, whole, quiet_ms = (median(ours, k) for k in ('bytes_per_conn', 'rss1_kb', 'quiet_cpu_ms_per_s'))
    span = lambda key, scale=1: f'{number(min(r[key] for r in ours) / scale)}..{number(max(r[key] for r in ours) / scale)}'
    return [
        Row('memory an idle keep-alive connection, 10,000 open', '≤ 600 B', f'{each:.0f} B', each <= 600, span('bytes_per_conn')),
        Row('memory of the whole process, 10,000 open', '≤ 16 MB', f'{whole / 1024:.1f} MB', whole <= 16 * 1024, span('rss1_kb', 1024)),
        Row('CPU with 10,000 quiet connections', '≤ 5 ms a second', f'{quiet_ms:.2f} ms', quiet_ms <= 5, span('quiet_cpu_ms_per_s')),
    ]


def counted(bench, peer, extra=(), **options):
    """The load client's result over a server that runs under count.c, with the calls and allocations of the server."""
    with tempfile.NamedTemporaryFile() as counts:
        env = {'LD_PRELOAD': bench.counter, 'COUNT_FILE': counts.name}
        with Process(peer, extra, env=env) as server:
            result = bench.load('http', server, counts=counts.name, **options)
    if not result['counts']:
        raise Unmeasured('the server made no call that count.c sees: it is linked statically or does not run under it')
    return result


HEAP = ('allocations', 'frees')


def syscalls(bench):
    lines, totals = [['connections', 'server', 'calls a request', 'total']], {}
    for conns in (1, 64):
        for name, peer in bench.peers.items():
            note(f'socket calls: {conns} connections, {name}')
            result = counted(bench, peer, conns=conns, secs=bench.options.secs, warm=0.3)
            per = {k: (calls / result['requests'], failed / result['requests'])
                   for k, (calls, failed) in result['counts'].items() if k not in HEAP}
            total = totals[name, conns] = sum(calls for calls, _ in per.values())
            text = ', '.join(f'{k} {calls:.2f}' + (f' ({failed:.2f} failed)' if failed > 0.005 else '')
                             for k, (calls, failed) in per.items() if calls > 0.004)
            lines.append([str(conns), name, text, f'{total:.3f}'])
    bench.table('Socket calls a request', lines)
    return [Row(f'socket calls a keep-alive request, {conns} connection{"s" if conns > 1 else ""} ({LIMIT}: {totals[LIMIT, conns]:.2f})',
                f'≤ {bar}', f'{totals[SERVER, conns]:.2f}', round(totals[SERVER, conns], 2) <= bar)
            for conns, bar in ((1, 4.1), (64, 3.1))]


def alloc(bench):
    cases = {
        'heap allocations a request, synchronous handler': ((), '/', 64),
        'heap allocations a request, 200 routes, a path parameter, layers': (LAYERS, PARAMETER_PATH, 64),
        'for comparison: synchronous handler, 1 connection': ((), '/', 1),
        'for comparison: coroutine handler': ((), '/coro', 64),
    }
    lines, rows = [['case', 'requests', 'allocations', 'frees', 'allocations a request']], []
    for what, (extra, path, conns) in cases.items():
        note(what)
        result = counted(bench, bench.peers[SERVER], extra, conns=conns, path=path, secs=max(1, bench.options.secs), warm=0.5)
        requests, (made, _), (freed, _) = result['requests'], *(result['counts'].get(k, (0, 0)) for k in HEAP)
        lines.append([what, f'{requests:,}', f'{made:,}', f'{freed:,}', f'{made / requests:.4f}'])
        if not what.startswith('for'):
            # What is done once a second (a new Date), or once a connection, is not done for a request.
            made -= result['reconnects']
            rows.append(Row(what, '0', f'{made:,} in {requests:,}', made < requests / 10000))
    bench.table('Heap allocations, steady state', lines)
    return rows


def collected(output):
    found = re.search(r'Collected : (\d+)', output)
    if not found:
        raise Unmeasured('callgrind says nothing: ' + output[-300:])
    return int(found.group(1))


CALLGRIND = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']


def instructions(bench, peer, extra=(), conns=64, **options):
    """User-space instructions a request: two runs under callgrind that differ in the number of requests only."""
    counts = (1000, 5000) if bench.options.quick else (2000, 22000)
    totals = []
    for requests in counts:
        with Process(peer, extra, under=CALLGRIND) as server:
            bench.load('http', server, conns=conns, requests=requests, **options)
        totals.append(collected(server.output()))
    return (totals[1] - totals[0]) / (counts[1] - counts[0])


def llhttp_instructions(bench, head, callbacks):
    totals = []
    for count in (1000, 11000):
        done = subprocess.run([*CALLGRIND, *bench.llhttp, head, callbacks, str(count)], capture_output=True, text=True)
        totals.append(collected(done.stdout + done.stderr))
    return (totals[1] - totals[0]) / 10000


def instr(bench):
    ours = bench.peers[SERVER]
    cases = {
        'synchronous handler': ((), {}),
        'coroutine handler': ((), {'path': '/coro'}),
        'browser head (14 fields, 700 bytes)': ((), {'head': 'browser'}),
        '200 routes, a path parameter': (LAYERS[:2], {'path': PARAMETER_PATH}),
        '200 routes, a path parameter, layers': (LAYERS, {'path': PARAMETER_PATH}),
    }
    got, lines = {}, [['what', '64 connections', '1 connection']]
    for what, (extra, options) in cases.items():
        values = []
        for conns in (64, 1):
            note(f'instructions: {what}, {conns} connections')
            values.append(instructions(bench, ours, extra, conns, **options))
        got[what] = values[0]
        lines.append([f'{SERVER}: {what}', *(f'{v:,.0f}' for v in values)])
    for name in (LIMIT, SECOND):
        note(f'instructions: {name}')
        lines.append([name, *(f'{instructions(bench, bench.peers[name], conns=c):,.0f}' for c in (64, 1))])
    parser = {}
    for head in ('small', 'browser'):
        for callbacks in ('none', 'spans'):
            parser[head, callbacks] = llhttp_instructions(bench, head, callbacks)
            lines.append([f'llhttp alone, {head} head, callbacks: {callbacks}', f'{parser[head, callbacks]:,.0f}', ''])
    bench.table('User-space instructions a request (callgrind)', lines)
    bench.saved['instructions'] = {**got, **{f'llhttp {h} {c}': v for (h, c), v in parser.items()}}

    sync, coro, browser, _, layers = got.values()
    head_bar = 1.5 * parser['browser', 'spans'] + 3000
    row = lambda what, bar, value, sign='': Row(what, f'≤ {sign}{bar:,.0f}', f'{sign if value >= 0 else ""}{value:,.0f}', value <= bar)
    return [
        row('instructions a request, synchronous handler, no layers', 2500, sync),
        row('instructions a request, coroutine handler', 8000, coro),
        row(f'instructions, browser\'s head (1.5 × llhttp\'s {parser["browser", "spans"]:,.0f} + 3,000)', head_bar, browser),
        row('instructions more with 200 routes, a path parameter, four layers', 1500, layers - sync, '+ '),
    ]


def compile_time(bench):
    """User seconds, best of five, by turns. The flags are those of the built server, at -O2. The bar is held by what a
    project pays a file that has compiled the library once (src.hpp); header-only stands beside it."""
    with open(os.path.join(bench.options.build, 'compile_commands.json')) as f:
        entry = next(e for e in json.load(f) if e['file'].endswith('benchmarks/load/server.cpp'))
    words = shlex.split(entry['command'])
    flags, i = [], 1
    while i < len(words):
        if words[i] in ('-isystem', '-I'):
            flags += words[i:i + 2]
            i += 1
        elif words[i].startswith(('-I', '-D', '-std')):
            flags.append(words[i])
        i += 1
    sources = {'hello': os.path.join(ROOT, 'examples', 'hello.cpp'),
               'echo_reference': os.path.join(ROOT, 'benchmarks', 'load', 'echo_reference.cpp')}
    if bench.options.hello:
        sources['hello'] = bench.options.hello
    sources['hello, header-only'] = sources['hello']
    times = {name: [] for name in sources}
    for attempt in range(5):
        for name, source in sources.items():
            note(f'compile time: {name}, {attempt + 1} of 5')
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            mode = ['-DANTIPHON_SEPARATE_COMPILATION'] if name == 'hello' else []
            done = subprocess.run([words[0], *flags, *mode, '-O2', '-c', source, '-o', '/dev/null'], capture_output=True,
                                  text=True, cwd=entry['directory'])
            if done.returncode:
                raise Unmeasured(f'{source} does not compile: {done.stderr[:300]}')
            times[name].append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    bench.table('Compile time, -O2, user seconds',
                [['source', *(str(i + 1) for i in range(5)), 'best']] +
                [[name, *(f'{t:.2f}' for t in v), f'{min(v):.2f}'] for name, v in times.items()])
    bench.saved['compile'] = times
    def against(name):
        return min(times[name]) / min(times['echo_reference'])
    pairs = [a / b for a, b in zip(times['hello'], times['echo_reference'])]
    return [Row('compile time of examples/hello.cpp, library compiled once, against an Asio coroutine echo server', '≤ 1.60',
                f'{against("hello"):.2f}', against('hello') <= 1.6,
                f'{min(pairs):.2f}..{max(pairs):.2f}; header-only {against("hello, header-only"):.2f}')]


SECTIONS = {'light': light, 'instr': instr, 'alloc': alloc, 'syscalls': syscalls, 'pipeline': pipeline, 'close': close,
            'idle': idle, 'compile': compile_time}


# --- the command -----------------------------------------------------------------------------------------------------

def machine():
    with open('/proc/cpuinfo') as f:
        model = next((line.split(':', 1)[1].strip() for line in f if line.startswith('model name')), platform.machine())
    first = lambda command: (subprocess.run(command, capture_output=True, text=True).stdout.splitlines() or ['?'])[0]
    commit = first(['git', '-C', ROOT, 'describe', '--always', '--dirty'])
    return (f'{datetime.date.today()}, {commit}; {model}, {os.cpu_count()} processors; Linux {platform.release()}; '
            f'{first(["c++", "--version"])}; load average at the start {os.getloadavg()[0]:.2f}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', nargs='+', choices=['bars', *SECTIONS], help='bars: all of them')
    parser.add_argument('--build', required=True, help='build directory')
    parser.add_argument('--bin', help='where the programs are (default: benchmarks/load in the build directory)')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--secs', type=float, default=2, help='of a round')
    parser.add_argument('--quick', action='store_true', help='2 short rounds: shows that it runs; the figures mean nothing')
    parser.add_argument('--server', help='measure this command instead, e.g. "path/to/server {port}"')
    parser.add_argument('--server-close', default='', help='its arguments for one connection a request')
    parser.add_argument('--hello', help='compile this file instead of examples/hello.cpp')
    options = parser.parse_args()
    options.bin = options.bin or os.path.join(options.build, 'benchmarks', 'load')
    if options.quick:
        options.rounds, options.secs = 2, 0.3
    if len(CPUS) < 2:
        sys.exit('Two processors are needed: one for the server, one for the load.')
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed < 12000:
        sys.exit(f'12,000 file descriptors are needed, {allowed} are allowed: ulimit -Hn')
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers under way are stopped

    about = machine()
    bench, rows = Bench(options), []
    for name in (SECTIONS if 'bars' in options.what else options.what):
        try:
            rows += SECTIONS[name](bench)
        except Unmeasured as e:
            rows.append(Row(name, '', f'not measured: {e}', False))
        text = save(bench, about, rows)
    note('')
    print(text)
    sys.exit(0 if all(r.ok for r in rows) else 1)


def save(bench, about, rows):
    """Writes what is known so far to the directory of the results, and returns the text."""
    options = bench.options
    text = f'{about}\n\n'
    if options.quick or options.server:
        text += 'Quick or with another server: these figures are not antiphon\'s.\n\n'
    lines = [['what', 'bar', 'measured', 'ok', 'spread']]
    lines += [[r.what, r.bar, r.measured, 'ok' if r.ok else '**short**', r.spread] for r in rows]
    text += markdown(lines) + '\n\n## Rounds\n\n' + '\n'.join(bench.raw)
    stem = os.path.join(options.build, 'results', '-'.join(options.what))
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    with open(stem + '.md', 'w') as f:
        f.write(text)
    with open(stem + '.json', 'w') as f:
        json.dump({'about': about, 'rows': [dataclasses.asdict(r) for r in rows], 'rounds': bench.saved}, f, indent=1)
    return text


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Measures the server, and the log and its readers, against their bars and prints them as a markdown table, then the raw
rounds.

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
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = str(CPUS[0]), str(CPUS[-1])
SERVER, LIMIT, SECOND = 'antiphon', 'raw_epoll', 'raw_asio_wait'
EACH, BATCH = 'raw_push --each', 'raw_push --batch'
RAW_UPLOAD = 'raw_upload'
PARAMETER_PATH = '/api/v1/thing177/12345'
LAYERS = ['--routes', '200', '--layers']


@dataclasses.dataclass
class Peer:
    """A server that can be started: {port} in its command is replaced; close are arguments for one request each; port
    is given where it is not free to choose."""
    command: list
    close: list = dataclasses.field(default_factory=list)
    port: int = 0


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

    def __init__(self, peer, extra=(), under=(), env=None, cpus=SERVER_CPU):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.port = peer.port or s.getsockname()[1]
        command = [part.replace('{port}', str(self.port)) for part in peer.command]
        self.log = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(['taskset', '-c', cpus, *under, *command, *extra], stdin=subprocess.DEVNULL,
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
        self.load_program, self.fan_program, self.deliver = program('load'), program('fan'), program('deliver')
        self.counter = os.path.join(options.bin, 'libcount.so')
        self.llhttp = program('llhttp_only')
        server = shlex.split(options.server) if options.server else program('server', '{port}')
        self.peers = {
            LIMIT: Peer(program('raw_epoll', '{port}'), ['--close']),
            SERVER: Peer(server, shlex.split(options.server_close)),
            SECOND: Peer(program('raw_asio_wait', '{port}'), ['--close']),
        }
        self.push_peers = {
            EACH: Peer(program('raw_push', '{port}', '--each')),
            BATCH: Peer(program('raw_push', '{port}', '--batch')),
            SERVER: self.peers[SERVER],
        }
        self.bulk_program = program('bulk')
        self.bulk_peers = {RAW_UPLOAD: Peer(program('raw_upload', '{port}'))}
        self.raw = []  # markdown
        self.saved = {}

    def load(self, mode, server, **options):
        return self.client(self.load_program, mode, server, **options)

    def fan(self, mode, server, **options):
        return self.client(self.fan_program, mode, server, **options)

    def client(self, program, mode, server, timeout=120, **options):
        command = ['taskset', '-c', LOAD_CPU, *program, mode, '--port', str(server.port), '--pid', str(server.pid)]
        for name, value in options.items():
            command += ['--' + name, str(value)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
            result = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            raise Unmeasured(f'{os.path.basename(program[0])} {mode} took more than {timeout} s') from None
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

    def interleaved(self, title, run, close=False, peers=None, keys=None, busy=True):
        """Rounds of all peers by turns, the first one of a round changing: {peer: [result, ...]}. `busy`: a closed
        loop."""
        peers = peers or self.peers
        results = {name: [] for name in peers}
        with contextlib.ExitStack() as stack:
            running = {name: stack.enter_context(Process(peer, peer.close if close else ()))
                       for name, peer in peers.items()}
            names = list(running)
            for number in range(self.options.rounds):
                for name in names[number % len(names):] + names[:number % len(names)]:
                    note(f'{title}: round {number + 1} of {self.options.rounds}, {name}')
                    results[name].append(self.steady(lambda: run(running[name])) if busy else run(running[name]))
                    time.sleep(0.15)
        self.rounds_table(title, results, keys or ['cpu_us', 'rps', 'p50_ms', 'p99_ms', 'util', 'load_util', 'tries', 'reconnects'])
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
ALLOCATIONS = 18  # in the enum of count.c


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


# --- the log and its readers -----------------------------------------------------------------------------------------

STREAM_KEYS = ['cpu_us', 'per_s', 'p50_ms', 'p99_ms', 'util', 'load_util']


def spread(ours, theirs, key):
    pairs = [a[key] / b[key] for a, b in zip(ours, theirs)]
    return f'{min(pairs):.2f}..{max(pairs):.2f}'


def mean_of(a, b):
    """Two limits as one, round by round."""
    return [{key: (x[key] + y[key]) / 2 for key in ('cpu_us', 'p99_ms')} for x, y in zip(a, b)]


def against_row(what, bar, ours, theirs, key):
    ratio = median(ours, key) / median(theirs, key)
    return Row(what, f'≤ {bar:.2f}', f'{ratio:.2f}', ratio <= bar, spread(ours, theirs, key))


def writes(bench, peer, **options):
    """Deliveries a call that writes, counted by count.c."""
    with tempfile.NamedTemporaryFile() as counts:
        with Process(peer, env={'LD_PRELOAD': bench.counter, 'COUNT_FILE': counts.name}) as server:
            result = bench.fan('stream', server, counts=counts.name, **options)
    made = sum(result['counts'].get(k, (0, 0))[0] for k in ('write', 'writev', 'send', 'sendto', 'sendmsg'))
    return result['deliveries'] / made


def fanout(bench):
    rows, lines = [], [['subscribers', 'server', 'messages a write, burst']]
    for conns in (1000, 5000):
        burst = {'conns': conns, 'msgs': max(20, (100_000 if bench.options.quick else 1_000_000) // conns)}
        results = bench.interleaved(f'fan-out, {conns:,} subscribers, burst', lambda s: bench.fan('stream', s, **burst),
                                    peers=bench.push_peers, keys=STREAM_KEYS + ['tries'])
        rows.append(against_row(f'fan-out, {conns:,} subscribers, burst: CPU a delivery against {BATCH}', 1.15,
                                results[SERVER], results[BATCH], 'cpu_us'))
        for name, peer in bench.push_peers.items():
            note(f'fan-out, {conns:,} subscribers: writes, {name}')
            lines.append([f'{conns:,}', name, f'{writes(bench, peer, **burst):.2f}'])
        paced = {'conns': conns, 'rate': 100_000, 'msgs': max(10, round(100_000 * bench.options.secs / conns))}
        results = bench.interleaved(f'fan-out, {conns:,} subscribers, 100,000 deliveries a second',
                                    lambda s: bench.fan('stream', s, **paced), peers=bench.push_peers,
                                    keys=STREAM_KEYS + ['late_ms'], busy=False)
        limit = mean_of(results[EACH], results[BATCH])
        rows += [against_row(f'fan-out, {conns:,} subscribers, paced: {what} against the mean of raw_push\'s', bar,
                             results[SERVER], limit, key)
                 for what, key, bar in (('CPU a delivery', 'cpu_us', 1.10), ('p99', 'p99_ms', 1.3))]
    bench.table('Messages a write', lines)
    return rows


def park(bench):
    """A process for each round: its first release, then three more on the same connections."""
    peers = {name: bench.push_peers[name] for name in (EACH, SERVER)}
    results = {name: [] for name in peers}
    for i in range(bench.options.rounds):
        for name in list(peers)[::1 if i % 2 else -1]:
            note(f'parked polls: round {i + 1} of {bench.options.rounds}, {name}')
            with Process(peers[name]) as server:
                got = bench.fan('park', server, conns=5000, times=4)
            results[name].append({'first_ms': got['release_ms'][0], 'release_ms': statistics.median(got['release_ms']),
                                  'first_cpu_us': got['cpu_us'][0], 'cpu_us': statistics.median(got['cpu_us'])})
    bench.rounds_table('5,000 parked polls released by one message', results, ['release_ms', 'cpu_us', 'first_ms', 'first_cpu_us'])
    ours, theirs = results[SERVER], results[EACH]
    cpu, first = (median(ours, key) / median(theirs, key) for key in ('cpu_us', 'first_ms'))
    return [against_row(f'5,000 parked polls released: time against {EACH} (CPU: {cpu:.2f}; the first release: {first:.2f})', 1.15,
                        ours, theirs, 'release_ms')]


def quiet(bench):
    cases = {'a quiet SSE subscriber': ('/sub', 800), 'a parked long poll': ('/lp', 800),
             'a subscriber of a source that is no log (a coroutine)': ('/other', 3072)}
    rows, results = [], {what: [] for what in cases}
    for i in range(1 if bench.options.quick else 3):
        for what, (path, _) in cases.items():
            note(f'memory of {what}: round {i + 1}')
            with Process(bench.peers[SERVER]) as server:
                results[what].append(bench.fan('quiet', server, conns=10000, path=path))
    bench.rounds_table('Memory of 10,000 who wait', results, ['bytes_per_conn', 'rss0_kb', 'rss1_kb'])
    for what, (_, bar) in cases.items():
        each = median(results[what], 'bytes_per_conn')
        values = [r['bytes_per_conn'] for r in results[what]]
        rows.append(Row(f'memory: {what}', f'≤ {bar:,} B', f'{each:,.0f} B', each <= bar, f'{min(values):,}..{max(values):,}'))
    return rows


def burst_memory(bench):
    """The history of the bar is what the topic may keep here, 1,024 messages of 100 bytes, not its limit of 16 MiB."""
    results, rows = {}, []
    for conns in (1000, 5000):
        note(f'memory after a burst: {conns:,} subscribers')
        with Process(bench.peers[SERVER]) as server:
            r = results[f'{conns:,} subscribers'] = bench.fan('stream', server, conns=conns, msgs=1_000_000 // conns)
        history = min(1024, 1_000_000 // conns) * 100
        each = ((r['rss2_kb'] - r['rss0_kb']) * 1024 - history) / conns
        rows.append(Row(f'memory after a burst, {conns:,} subscribers: more than at the start and the history, a subscriber',
                        '≤ 1,536 B', f'{each:,.0f} B', each <= 1536, f'peak {r["peak_kb"] / 1024:.1f} MB'))
    bench.rounds_table('Memory before, with subscribers, and after a burst', {k: [v] for k, v in results.items()},
                       ['rss0_kb', 'rss1_kb', 'rss2_kb', 'peak_kb'])
    return rows


def deaf(bench):
    """Publishers keep at most 8 messages ahead of the slowest of those who read, so that these miss none. The CPU is
    that behind the first twentieth: by then the kernel has taken all that it takes for those who do not read."""
    rounds, count = (1, 200) if bench.options.quick else (3, 4000)
    results = {'with 500 who read nothing': [], 'without': []}
    for i in range(rounds):
        for name, unread in (('with 500 who read nothing', 500), ('without', 0)):
            note(f'readers that read nothing: round {i + 1} of {rounds}, {name}')
            with Process(bench.peers[SERVER]) as server:
                results[name].append(bench.fan('stream', server, timeout=300, limit=280, conns=500, deaf=unread, msgs=count,
                                               warm=count // 20, size=50_000, window=8))
    bench.rounds_table(f'500 subscribers read {count * 0.05:.0f} MB each', results, STREAM_KEYS + ['seconds', 'rss0_kb', 'peak_kb'])
    ours, theirs = results.values()
    peak, most = max(r['peak_kb'] for r in ours), (16 * 1024 + 64 * 500)
    return [Row(f'500 of 1,000 read nothing of {count * 0.05:.0f} MB: most memory of the process', f'≤ {most / 1024:.1f} MB',
                f'{peak / 1024:.1f} MB', peak <= most),
            against_row('the others\' CPU a delivery against without them', 1.10, ours, theirs, 'cpu_us')]


def contexts(bench):
    """Both servers may use both processors, which the client shares with them, and both have locks."""
    one = bench.peers[SERVER]
    results = {'one context': [], 'two contexts': []}
    paced = {'conns': 1000, 'pubs': 1, 'rate': 50_000, 'msgs': max(10, round(50 * bench.options.secs))}
    with Process(one, ['--locks'], cpus=f'{SERVER_CPU},{LOAD_CPU}') as first, \
         Process(one, ['--threads', '2'], cpus=f'{SERVER_CPU},{LOAD_CPU}') as second:
        servers = list(zip(results, (first, second)))
        for i in range(bench.options.rounds):
            for name, server in servers[::1 if i % 2 else -1]:
                note(f'contexts: round {i + 1} of {bench.options.rounds}, {name}')
                results[name].append(bench.fan('stream', server, **paced))
                time.sleep(0.15)
    bench.rounds_table('1,000 subscribers on two contexts, the publisher on one', results, STREAM_KEYS)
    return [against_row('subscribers on two contexts, the publisher on one: CPU a delivery against one context', 1.20,
                        results['two contexts'], results['one context'], 'cpu_us')]


def inprocess(bench):
    note('delivery inside the process')
    done = subprocess.run(['taskset', '-c', SERVER_CPU, *bench.deliver, '10000', '5' if bench.options.quick else '30'],
                          capture_output=True, text=True)
    got = json.loads(done.stdout)
    bench.saved['inprocess'] = got
    return [Row(f'delivery to 10,000 who wait in the process: {what}', 'none', f'{ns:.1f} ns', True) for what, ns in got.items()]


def publish_alloc(bench):
    made = []
    for count in (2000, 12000):
        with tempfile.NamedTemporaryFile() as counts:
            subprocess.run([*bench.deliver, 'publish', str(count)], check=True,
                           env={**os.environ, 'LD_PRELOAD': bench.counter, 'COUNT_FILE': counts.name})
            made.append(struct.unpack_from('Q', counts.read(), 16 * ALLOCATIONS)[0])
    each = (made[1] - made[0]) / 10000
    return [Row('allocations of a message published without readers, itself included', '1', f'{each:.4f}', each <= 1)]


# --- the server in full ----------------------------------------------------------------------------------------------

BULK_KEYS = ['cpu_ms_per_gib', 'seconds_per_gib', 'rss0_kb', 'peak_kb']


def bulk(bench, mode, server, **options):
    return bench.client(bench.bulk_program, mode, server, **options)


def upload(bench):
    """1 GiB through one connection, to nowhere."""
    size = {'mib': 128} if bench.options.quick else {'mib': 1024}
    peers = {RAW_UPLOAD: bench.bulk_peers[RAW_UPLOAD], SERVER: bench.peers[SERVER]}
    results = bench.interleaved('an upload of 1 GiB', lambda s: bulk(bench, 'upload', s, **size), peers=peers, keys=BULK_KEYS,
                                busy=False)
    ours = results[SERVER]
    grown = max(r['peak_kb'] - ours[0]['rss0_kb'] for r in ours)
    return [against_row(f'1 GiB uploaded to nowhere: CPU against {RAW_UPLOAD}', 1.15, ours, results[RAW_UPLOAD], 'cpu_ms_per_gib'),
            Row('1 GiB uploaded to nowhere: memory', '≤ + 1,024 KiB', f'+ {grown:,} KiB', grown <= 1024)]


def multipart(bench):
    """The same bytes as one file of a form, against the plain upload."""
    size = {'mib': 128} if bench.options.quick else {'mib': 1024}
    results = {'a plain upload': [], 'a form': []}
    with Process(bench.peers[SERVER]) as server:
        for i in range(bench.options.rounds):
            for name in list(results)[::1 if i % 2 else -1]:
                note(f'multipart: round {i + 1} of {bench.options.rounds}, {name}')
                more = {'path': '/form', 'multipart': 1} if name == 'a form' else {}
                results[name].append(bulk(bench, 'upload', server, **size, **more))
    bench.rounds_table('1 GiB as a body and as a file of a form', results, BULK_KEYS)
    return [against_row('multipart of 1 GiB: CPU against the plain upload', 1.5, results['a form'], results['a plain upload'],
                        'cpu_ms_per_gib')]


NGINX = '''daemon off; master_process off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  server {{ listen 127.0.0.1:{{port}}; location /files/ {{ alias {dir}/; }} }}
}}
'''


def file(bench):
    """A file of 64 MiB that is in the system's cache, 16 times a round."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'large'), 'wb') as f:
            f.write(os.urandom(1 << 20) * 64)
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        conf = os.path.join(folder, 'nginx.conf')
        with open(conf, 'w') as f:
            f.write(NGINX.format(dir=folder).replace('{port}', str(port)))
        nginx = Peer(['nginx', '-p', folder, '-c', conf], port=port)
        peers = {'nginx': nginx, SERVER: Peer([*bench.peers[SERVER].command, '--files', folder])}
        results = bench.interleaved('a file of 64 MiB', lambda s: bulk(bench, 'download', s, path='/files/large', times=16),
                                    peers=peers, keys=BULK_KEYS, busy=False)
    return [against_row('64 MiB file: CPU a GiB against nginx with sendfile', 1.25, results[SERVER], results['nginx'],
                        'cpu_ms_per_gib')]


def threads(bench):
    """Both servers have one processor, the client the other: else two threads would wait for it more often than one, and
    every wait costs."""
    results = {'one thread': [], 'two threads': []}
    one = bench.peers[SERVER]
    with Process(one, ['--locks']) as first, Process(one, ['--threads', '2']) as second:
        servers = list(zip(results, (first, second)))
        for i in range(bench.options.rounds):
            for name, server in servers[::1 if i % 2 else -1]:
                note(f'threads: round {i + 1} of {bench.options.rounds}, {name}')
                results[name].append(bench.load('http', server, conns=64, secs=bench.options.secs))
                time.sleep(0.15)
    bench.rounds_table('keep-alive, 64 connections, one thread and two', results, ['cpu_us', 'rps', 'p50_ms', 'p99_ms', 'util'])
    return [against_row('.threads = 2: CPU a request against one thread', 1.10, results['two threads'], results['one thread'],
                        'cpu_us')]


# --- the client ------------------------------------------------------------------------------------------------------

def calls(bench):
    """Both clients on one processor, the server on the other: the CPU time of each client a request."""
    requests = 30_000 if bench.options.quick else 200_000
    results = {'load': [], 'calls': [], 'calls, coroutines': []}
    with Process(bench.peers[SERVER]) as server:
        for i in range(bench.options.rounds):
            names = list(results)
            for name in names[i % 3:] + names[:i % 3]:
                note(f'calls: round {i + 1} of {bench.options.rounds}, {name}')
                if name == 'load':
                    got = bench.load('http', server, conns=64, requests=requests)
                    results[name].append({'client_ns': got['load_util'] / got['rps'] * 1e9})
                    continue
                command = ['taskset', '-c', LOAD_CPU, os.path.join(bench.options.bin, 'calls'), '--port', str(server.port),
                           '--conns', '64', '--requests', str(requests)]
                done = subprocess.run(command + (['--coroutines'] if 'coroutines' in name else []), capture_output=True, text=True)
                got = json.loads(done.stdout)
                if got['failed']:
                    raise Unmeasured(f'{got["failed"]} calls failed')
                results[name].append({'client_ns': got['client_cpu_ns']})
                time.sleep(0.15)
    bench.rounds_table('GETs through the pool, 64 in flight: CPU of the client a request', results, ['client_ns'])
    return [against_row(f'GET through the pool, 64 in flight: CPU of the client against load ({what})', 1.3, results[name],
                        results['load'], 'client_ns')
            for name, what in (('calls', 'callbacks'), ('calls, coroutines', 'coroutines'))]


def decoder(bench):
    """Instructions of two runs that differ in the number of rounds only; nanoseconds stand beside them."""
    lines, rows = [['data of an event', 'instructions a byte', 'ns a byte']], []
    for size in (50, 200, 2000):
        note(f'decoder of events: {size} bytes')
        program = [os.path.join(bench.options.bin, 'decode_events')]
        totals, got = [], {}
        for rounds in (1, 11):
            done = subprocess.run([*CALLGRIND, *program, str(rounds), str(size)], capture_output=True, text=True)
            totals.append(collected(done.stderr))
            got = json.loads(done.stdout)
        each = (totals[1] - totals[0]) / (got['bytes'] / 11 * 10)
        timed = json.loads(subprocess.run([*program, '300', str(size)], capture_output=True, text=True).stdout)
        lines.append([f'{size}', f'{each:.2f}', f'{timed["ns_a_byte"]:.3f}'])
        if size == 200:
            gb = 1 / timed['ns_a_byte']
            rows.append(Row(f'SSE decoder, events of 200 bytes: instructions a byte ({gb:.1f} GB/s)', '≤ 2, or ≥ 1 GB/s', f'{each:.2f}',
                            each <= 2 or gb >= 1))
    bench.table('The decoder of server-sent events', lines)
    return rows


# --- jobs ----------------------------------------------------------------------------------------------------------------

def job(bench):
    program = [os.path.join(bench.options.bin, 'jobs')]
    note('jobs inside the process')
    times = [json.loads(subprocess.run(['taskset', '-c', SERVER_CPU, *program, 'run'], capture_output=True, text=True).stdout)['ns']
             for _ in range(1 if bench.options.quick else 5)]
    made = []
    for count in (2000, 12000):
        with tempfile.NamedTemporaryFile() as counts:
            subprocess.run([*program, 'run', str(count)], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, 'LD_PRELOAD': bench.counter, 'COUNT_FILE': counts.name})
            made.append(struct.unpack_from('Q', counts.read(), 16 * ALLOCATIONS)[0])
    allocations = (made[1] - made[0]) / 10000
    memory = json.loads(subprocess.run([*program, 'wait'], capture_output=True, text=True).stdout)['bytes']
    return [Row('submit and finish of an empty coroutine: allocations', '≤ 4', f'{allocations:.2f}', allocations <= 4),
            Row('the same: time', 'none', f'{statistics.median(times):,.0f} ns', True, f'{min(times):,}..{max(times):,}'),
            Row('memory of a job that waits, of 10,000, with an empty result', '≤ 1,024 B', f'{memory:,.0f} B', memory <= 1024)]


def held(bench):
    """Beside parked long polls of the same server in the same rounds."""
    ways = {'a client that waits for a job of its own': ('held', {}), 'a parked long poll': ('quiet', {'path': '/lp'})}
    results = {what: [] for what in ways}
    for i in range(1 if bench.options.quick else 3):
        for what, (mode, more) in ways.items():
            note(f'memory of {what}: round {i + 1}')
            with Process(bench.peers[SERVER]) as server:
                results[what].append(bench.fan(mode, server, conns=10000, **more))
    bench.rounds_table('Memory of 10,000 who wait for 10,000 jobs', results, ['bytes_per_conn', 'rss0_kb', 'rss1_kb'])
    ours, polls = (median(r, 'bytes_per_conn') for r in results.values())
    return [Row('memory: a client that waits for a job, against a parked long poll', '≤ 1.00', f'{ours / polls:.2f} ({ours:,.0f} B)',
                ours <= polls * 1.005)]


SECTIONS = {'light': light, 'instr': instr, 'alloc': alloc, 'syscalls': syscalls, 'pipeline': pipeline, 'close': close,
            'idle': idle, 'compile': compile_time}
LOG = {'fanout': fanout, 'park': park, 'quiet': quiet, 'burst_memory': burst_memory, 'deaf': deaf, 'contexts': contexts,
       'inprocess': inprocess, 'publish_alloc': publish_alloc}
FULL = {'upload': upload, 'multipart': multipart, 'file': file, 'threads': threads}
CLIENT = {'calls': calls, 'decoder': decoder}
JOBS = {'job': job, 'held': held}
ALL = {**SECTIONS, **LOG, **FULL, **CLIENT, **JOBS}


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
    parser.add_argument('what', nargs='+', choices=['bars', 'log', 'full', 'client', *ALL],
                        help='bars: all of the server; log: all of the log and its readers; full: bodies, files, threads; client: '
                             'the client and its decoder')
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
    groups = {'bars': SECTIONS, 'log': LOG, 'full': FULL, 'client': CLIENT, 'jobs': JOBS}
    for name in dict.fromkeys(one for what in options.what for one in groups.get(what, [what])):
        try:
            rows += ALL[name](bench)
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

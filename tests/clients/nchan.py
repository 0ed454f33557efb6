#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""sse::event_source, live::reader and polling::feed against nginx with nchan, a server of channels. nchan.py EVENTS"""
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from cutter import Cutter
from program import SKIPPED, Check, Reader, free_port, until

MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
CONFIGURATION = """
load_module {module};
{user} daemon off; worker_processes 2;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  nchan_shared_memory_size 32m;
  server {{
    listen 127.0.0.1:{port};
    nchan_message_timeout 5m; nchan_subscriber_first_message oldest;
    location = / {{ return 204; }}
    location ~ ^/publish/(\\w+)$ {{
      nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 2000; client_max_body_size 2m;
    }}
    location ~ ^/publish_to_few/(\\w+)$ {{ nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 5; }}
    location ~ ^/stream/(\\w+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1; }}
    location ~ ^/streams/(\\w+)/(\\w+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1 $2; }}
    location ~ ^/pinged/(\\w+)$ {{
      nchan_subscriber eventsource; nchan_channel_id $1; nchan_eventsource_ping_interval 1;
    }}
    location ~ ^/short/(\\w+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_timeout 1; }}
    location ~ ^/poll/(\\w+)$ {{ nchan_subscriber longpoll; nchan_channel_id $1; }}
    location ~ ^/brief_poll/(\\w+)$ {{ nchan_subscriber longpoll; nchan_channel_id $1; nchan_subscriber_timeout 1; }}
  }}
}}
"""


class Nginx:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with open(f"{folder}/nginx.conf", "w") as f:
            # As root, nginx would change to a user that may not write to the folder.
            f.write(CONFIGURATION.format(folder=folder, port=self.port, module=MODULE,
                                         user="user root;" if os.geteuid() == 0 else ""))
        self.start()

    def start(self):
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-c", f"{self.folder}/nginx.conf"])
        until(self.answers, "nginx answers")

    def answers(self):
        try:
            return self.ask("GET", "/")[0] == 204
        except OSError:
            return False

    def ask(self, method, path, body=None, **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {"Accept": "application/json", **fields})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def publish(self, channel, *messages, to="publish", **fields):
        """Published one after the other over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        for m in messages:
            connection.request("POST", f"/{to}/{channel}", m.encode(), {"Content-Type": "text/plain", **fields})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (201, 202), f"published with {answer.status}"
        connection.close()

    def readers(self, channel, count):
        def reads():
            status, text = self.ask("GET", f"/publish/{channel}")
            return status == 200 and json.loads(text)["subscribers"] == count
        until(reads, f"{count} readers of {channel}")

    def workers(self):
        return [int(p) for p in open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def data(reader):
    return [e["data"] for e in reader.events]


def numbers(first, last):
    return [f"number {n}" for n in range(first, last + 1)]


def follows(nginx, check):
    texts = ["one", "two\nlines", "\nempty ones\n\n", "with CR\r\nand LF\r\n", "", " a space: ", "ünïcödé 日本 🎵 \u2028",
             "{\"a\": [1]}", "x" * 500_000, "\n".join(["a line of many"] * 20_000)]
    with Reader(EVENTS, nginx.url + "/stream/kinds") as reader:
        nginx.readers("kinds", 1)
        nginx.publish("kinds", *texts)
        nginx.publish("kinds", "a name", **{"X-EventSource-Event": "named"})
        nginx.publish("kinds", "of the usual type again")
        reader.wait(lambda: len(reader.events) == len(texts) + 2, "it reads")
        for e, text in zip(reader.events, texts):
            check(e["data"] == text.replace("\r\n", "\n"), f"{e['data'][:100]} instead of {text[:100]}")
        check([e["event"] for e in reader.events] == ["message"] * len(texts) + ["named", "message"], "the types")
        check(len({e["id"] for e in reader.events}) == len(texts) + 2, "each has an id of its own")
        check(len(reader.attempts) == 1, "by one connection")


def goes_on_in_another_life_of_the_reader(nginx, check):
    nginx.publish("lives", *numbers(1, 5))
    with Reader(EVENTS, nginx.url + "/stream/lives", "--most", "3") as reader:
        reader.ends()
        check(data(reader) == numbers(1, 3), f"it begins with the oldest: {reader.got}")
        last = reader.events[-1]["id"]
    nginx.publish("lives", *numbers(6, 8))
    with Reader(EVENTS, nginx.url + "/stream/lives", "--last", last) as reader:
        reader.wait(lambda: len(reader.events) >= 5, "it reads on")
        nginx.publish("lives", *numbers(9, 10))
        reader.wait(lambda: len(reader.events) >= 7, "it follows")
        check(data(reader) == numbers(4, 10), f"nothing lost, nothing twice: {reader.got}")


def an_id_that_is_gone(nginx, check):
    """Five are kept: nchan goes on with the oldest that there is, and does not tell of the others."""
    nginx.publish("few", *numbers(1, 2), to="publish_to_few")
    with Reader(EVENTS, nginx.url + "/stream/few", "--most", "2") as reader:
        reader.ends()
        last = reader.events[0]["id"]
    nginx.publish("few", *numbers(3, 20), to="publish_to_few")
    with Reader(EVENTS, nginx.url + "/stream/few", "--last", last, "--most", "5") as reader:
        reader.ends()
        check(data(reader) == numbers(16, 20), f"the ones that are kept: {reader.got}")
    for nonsense in ("earliest", "1:[0],-", "100:7"):
        with Reader(EVENTS, nginx.url + "/stream/few", "--last", nonsense, "--most", "5") as reader:
            end = reader.ends()
            check(data(reader) == numbers(16, 20) or end["status"] == "400", f"an id that is none: {reader.got}")


def two_channels_on_one_stream(nginx, check):
    """An id has a place in each channel then: "1700000000:[3],0"."""
    url = nginx.url + "/streams/left/right"
    nginx.publish("left", *numbers(1, 3))
    with Reader(EVENTS, url) as reader:
        reader.wait(lambda: len(reader.events) == 3, "it reads one channel")
        check(all("[" in e["id"] and "," in e["id"] for e in reader.events), f"ids of two channels: {reader.events}")
        for n in range(4, 12, 2):
            nginx.publish("right", f"number {n}")
            reader.wait(lambda: len(reader.events) == n, "it reads both")
            nginx.publish("left", f"number {n + 1}")
            reader.wait(lambda: len(reader.events) == n + 1, "it reads both")
        check(data(reader) == numbers(1, 11), f"{reader.got}")
        ids = [e["id"] for e in reader.events]
    for n in range(0, 11, 3):  # from any place, and with nothing lost or twice
        with Reader(EVENTS, url, "--last", ids[n], "--most", str(10 - n)) as reader:
            reader.ends()
            check(sorted(data(reader)) == sorted(numbers(n + 2, 11)), f"from {ids[n]}: {reader.got}")


def cut_again_and_again(nginx, check):
    cutter = Cutter(nginx.port, 250, 6000)
    with Reader(EVENTS, cutter.url + "/stream/many", "--wait", "20") as reader:
        for n in range(0, 1000, 100):
            nginx.publish("many", *numbers(n + 1, n + 100))
            reader.wait(lambda: len(reader.events) > n, "it reads between the cuts")
        reader.wait(lambda: len(reader.events) >= 1000, "it reads on")
        cutter.cutting = False
        nginx.publish("many", "the last")
        reader.wait(lambda: data(reader)[-1] == "the last", "it follows")
        check(data(reader) == numbers(1, 1000) + ["the last"], "1,000 in order, nothing lost, nothing twice")
        check(cutter.cuts >= 10, f"over {cutter.cuts} cuts")


def ended_streams(nginx, check):
    """nchan ends a stream after a second, and all of them when their channel is deleted: the reader comes back."""
    # A channel for each: nchan's time-out sometimes ends the channel's other streams too.
    with Reader(EVENTS, nginx.url + "/short/short") as reader, Reader(EVENTS, nginx.url + "/pinged/pinged") as pinged:
        nginx.publish("short", "one")
        nginx.publish("pinged", "one")
        reader.wait(lambda: len(reader.attempts) == 3, "it comes back")
        nginx.publish("short", "two")
        nginx.publish("pinged", "two")
        reader.wait(lambda: len(reader.events) >= 2, "it reads")
        pinged.wait(lambda: len(pinged.events) >= 2, "it reads")
        check(data(reader) == data(pinged) == ["one", "two"], f"{reader.got} {pinged.got}")
        check(len(pinged.attempts) == 1, f"events without data keep a stream, and are none: {pinged.got}")
    with Reader(EVENTS, nginx.url + "/stream/deleted") as reader:
        nginx.publish("deleted", "one")
        reader.wait(lambda: reader.events, "it reads")
        second = int(time.time())
        check(nginx.ask("DELETE", "/publish/deleted")[0] == 200, "deleted")
        reader.wait(lambda: len(reader.attempts) == 2, "it comes back")
        until(lambda: int(time.time()) > second, "the next second")  # ids are seconds and numbers: none comes twice
        nginx.publish("deleted", "two")
        reader.wait(lambda: len(reader.events) == 2, "it reads what is new")
        check(data(reader) == ["one", "two"], f"{reader.got}")


def restarts(nginx, check):
    """What is in nchan's memory goes with its workers; the reader goes on with what comes then."""
    def reload():
        before = nginx.workers()
        nginx.process.send_signal(signal.SIGHUP)
        until(lambda: len(nginx.workers()) == 2 and not set(nginx.workers()) & set(before), "nginx is reloaded")

    def kill():
        before = nginx.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(nginx.workers()) == 2 and not set(nginx.workers()) & set(before), "nginx has other workers")

    def restart():
        nginx.stop()
        reader.wait(reader.refused, "it tries")
        nginx.start()

    with Reader(EVENTS, nginx.url + "/stream/restarts") as reader, \
            Reader(EVENTS, nginx.url + "/streams/restarts/other") as both:
        nginx.readers("restarts", 2)
        for n, change in enumerate([reload, kill, restart]):
            nginx.publish("restarts", *numbers(10 * n + 1, 10 * n + 5))
            reader.wait(lambda: len(reader.events) == 10 * n + 5, f"it reads before {change.__name__}")
            second, attempts = int(time.time()), len(reader.attempts)
            change()
            reader.wait(lambda: len(reader.attempts) > attempts, f"it comes back after {change.__name__}")
            check(reader.attempts[-1]["last"] == reader.events[-1]["id"], f"with its last id: {reader.attempts[-1]}")
            until(lambda: int(time.time()) > second, "the next second")
            until(nginx.answers, "nginx answers")
            nginx.publish("restarts", *numbers(10 * n + 6, 10 * n + 10))
            reader.wait(lambda: len(reader.events) == 10 * n + 10, f"it goes on after {change.__name__}")
            both.wait(lambda: data(both)[-1] == f"number {10 * n + 10}", f"so does one of two channels")
        check(data(reader) == numbers(1, 30), f"what was published is read, once: {reader.got}")
        with Reader(EVENTS, nginx.url + "/stream/restarts", "--most", "5") as other:
            other.ends()
            check(data(other) == numbers(26, 30), f"and nchan has what came after the last restart: {other.got}")


def other_readers(nginx, check):
    """A feed polls in the form of antiphon, which nchan's long polls do not have: it says so."""
    nginx.publish("polled", "text")
    nginx.publish("polled_json", "{\"a\": 1}", **{"Content-Type": "application/json"})
    for channel, sentence in [("polled", "is not JSON: is it the right URL?"), ("polled_json", "\"cursor\",\"gap\"")]:
        with Reader(EVENTS, f"{nginx.url}/poll/{channel}", "--by", "poll") as reader:
            end = reader.ends()
            check(sentence in end["end"] and len(reader.attempts) == 1 and not reader.events, f"{reader.got}")
    # One that nchan ends after a second, with 408.
    with Reader(EVENTS, nginx.url + "/brief_poll/empty", "--by", "poll", "--attempts", "2") as reader:
        end = reader.ends()
        check(end["status"] == "408" and "cannot answer polls" in end["end"], f"{reader.got}")
    with Reader(EVENTS, nginx.url + "/stream/live", "--by", "live") as reader:
        nginx.readers("live", 1)
        nginx.publish("live", *numbers(1, 5))
        reader.wait(lambda: len(reader.events) == 5, "live::reader reads")
        check(data(reader) == numbers(1, 5), f"{reader.got}")


def main():
    if not NGINX or not os.path.exists(MODULE):
        print("skipped: there is no nginx with nchan (apt install nginx-light libnginx-mod-nchan)")
        return SKIPPED
    check = Check()
    with tempfile.TemporaryDirectory(prefix="antiphon_nchan_") as folder:
        nginx = Nginx(folder)
        try:
            for test in (follows, goes_on_in_another_life_of_the_reader, an_id_that_is_gone, two_channels_on_one_stream,
                         cut_again_and_again, ended_streams, other_readers, restarts):
                test(nginx, check)
        except (AssertionError, OSError):
            print(open(f"{folder}/error.log").read())
            raise
        finally:
            nginx.stop()
    print(f"nchan: {check.made} checks, {check.failures} do not hold")
    return 1 if check.failures else 0


EVENTS = sys.argv[1]
sys.exit(main())

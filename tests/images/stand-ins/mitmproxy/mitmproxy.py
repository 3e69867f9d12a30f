"""A stand-in for mitmproxy: a reverse TCP proxy that passes each message to addons. Takes the options that failtester's test uses."""

import argparse
import asyncio
import runpy
import sys
import types


class Message:
    def __init__(self, content, from_client):
        self.content, self.from_client = content, from_client


class Flow:
    def __init__(self):
        self.messages = []


async def pump(reader, writer, flow, from_client, addons):
    while content := await reader.read(65536):
        flow.messages.append(Message(content, from_client))
        for addon in addons:
            addon.tcp_message(flow)
        writer.write(flow.messages[-1].content)
        await writer.drain()
    writer.close()


async def serve(port, host, target, addons):
    async def connected(reader, writer):
        server_reader, server_writer = await asyncio.open_connection(host, target)
        flow = Flow()
        await asyncio.gather(
            pump(reader, server_writer, flow, True, addons),
            pump(server_reader, writer, flow, False, addons),
            return_exceptions=True,
        )

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    for addon in addons:
        addon.running()
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--rawtcp", action="store_true")
    parser.add_argument("-p", type=int)
    parser.add_argument("--mode")
    parser.add_argument("-s")
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    if options.version:
        print("Mitmproxy: 12.0.0 stand-in")
        return
    settings = dict(setting.split("=", 1) for setting in options.set)
    ctx = types.SimpleNamespace(options=types.SimpleNamespace(**settings))
    sys.modules["mitmproxy"] = types.SimpleNamespace(ctx=ctx)
    addons = runpy.run_path(options.s)["addons"]
    host, target = options.mode.removeprefix("reverse:tcp://").split(":")
    asyncio.run(serve(options.p, host, int(target), addons))

"""Call a device for ten seconds, and print what arrives.

python caller.py mqtt://USER:PASSWORD@HOST DEVICE
"""

import asyncio
import sys

from callbox import CallClient


async def main(url: str, device: str) -> None:
    async with CallClient.connect(url, uid="front-desk") as client:
        conversation = client.call(device)
        conversation.on("response", lambda status: print("answered:", status))
        conversation.on("error", lambda error: print("error:", error))
        conversation.on("remote_stats", show)
        try:
            await asyncio.wait_for(conversation.wait_closed(), 10)
        except TimeoutError:
            print("closed:", (await conversation.close()).reason)


def show(stats) -> None:
    if stats.video is not None:
        print(f"{stats.video.frames_per_second} pictures/s, {stats.video.bitrate} bit/s")


asyncio.run(main(*sys.argv[1:3]))

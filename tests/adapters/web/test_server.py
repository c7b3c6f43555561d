import aiohttp

from backstop.adapters.web.server import WebServer


async def test_probes_tell_what_is_wrong_and_metrics_are_served_as_text():
    problems = {"alive": None, "ready": "the first LIST is still to come"}
    server = WebServer(
        host="127.0.0.1",
        port=0,
        alive=lambda: problems["alive"],
        ready=lambda: problems["ready"],
        metrics=lambda: b"x_total 1\n",
    )
    port = await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

            async def get(path):
                async with session.get(path) as answer:
                    return answer.status, await answer.text(), answer.content_type

            assert (await get("/healthz"))[:2] == (200, "ok\n")
            assert (await get("/readyz"))[:2] == (503, "the first LIST is still to come\n")
            problems["ready"] = None
            assert (await get("/readyz"))[0] == 200
            assert await get("/metrics") == (200, "x_total 1\n", "text/plain")
    finally:
        await server.close()

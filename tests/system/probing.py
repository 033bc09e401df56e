"""A small client that asks the API beside whatever else goes on: `HOST PORT JOB`, a token on the first line.

Asks until its input ends, then prints how many seconds each answer took, as JSON.
"""

import http.client
import json
import select
import sys
import time

PAUSE_S = 0.03


def main() -> None:
    host, port, job = sys.argv[1:]
    headers = {"Authorization": f"Bearer {sys.stdin.readline().strip()}"}
    connection, took = http.client.HTTPConnection(host, int(port), timeout=120), list[float]()
    while True:
        for path in (f"/v1/jobs/{job}", "/v1/jobs?limit=50", "/v1/status"):
            began = time.monotonic()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            took.append(time.monotonic() - began)
            assert answer.status == 200, answer.status
            if select.select([sys.stdin], [], [], PAUSE_S)[0]:
                print(json.dumps(took))
                return


if __name__ == "__main__":
    main()

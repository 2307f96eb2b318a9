# The client of the IPLogs guide for Python (https://iplogs.com/guides/vpn-detection-python), but for the base URL:
# a POST with json={"ip": ...}, raise_for_status(), and on any error of the request no verdict. With the standard
# library where `requests` is missing.
import json
import sys
import urllib.error
import urllib.request

base_url, ips = sys.argv[1], sys.argv[2:]


class NoVerdict(Exception):
    pass


def post(path, body):
    try:
        import requests
    except ImportError:
        request = urllib.request.Request(
            base_url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5.0) as reply:
                return json.load(reply)
        except urllib.error.URLError as error:
            raise NoVerdict from error
    try:
        reply = requests.post(base_url + path, json=body, timeout=5.0)
        reply.raise_for_status()
        return reply.json()
    except requests.RequestException as error:
        raise NoVerdict from error


def check_vpn(ip):
    verdict = post("/v1/check", {"ip": ip})
    assert verdict["verdict"] in ("clean", "suspicious", "vpn_likely", "vpn_detected")
    assert 0 <= verdict["score"] <= 1 and 0 <= verdict["confidence"] <= 1
    assert verdict["ip_info"]["ip"] == ip and verdict["request_id"]
    return {
        "verdict": verdict["verdict"],
        "is_vpn": verdict["is_vpn"],
        "org": verdict["ip_info"]["org"],
        "signals": [signal["type"] for signal in verdict["signals"] if signal["matched"]],
    }


def checked(ip):
    try:
        return check_vpn(ip)
    except NoVerdict:
        return None


rows = post("/v1/bulk-check", {"ips": ips})["results"]
print(json.dumps({
    "checks": {ip: checked(ip) for ip in ips},
    "bulk": {row["ip"]: [row["verdict"], row["score"], row["country"], row["asn"], row["provider"]] for row in rows},
}))

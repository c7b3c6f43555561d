"""The API server, which runs on the host, reaches admission webhooks through a Service into a pod."""

import base64
from pathlib import Path

import pytest
import trustme

from tests.cluster import hosted
from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

REFUSING_SERVER = """
import http.server, json, ssl

class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": "refused by the pod"}}
        body = json.dumps({**{k: review[k] for k in ("apiVersion", "kind")}, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/pair.pem")
server = http.server.ThreadingHTTPServer(("", 8443), Refuse)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: NAME}
webhooks:
- name: refuse.test.backstop.dev
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  clientConfig: {service: {name: hook, namespace: NAME, path: /}, caBundle: AUTHORITY}
"""


def test_a_webhook_in_a_pod_is_asked_and_its_refusal_counts(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    hosted.load_image(cluster, tmp_path)
    authority = trustme.CA()
    pair = authority.issue_cert(f"hook.{namespace}.svc").private_key_and_cert_chain_pem.bytes().decode()
    spec = hosted.pod_spec([hosted.PYTHON, "-c", REFUSING_SERVER], port=8443)
    spec["volumes"].append({"name": "tls", "secret": {"secretName": "tls"}})
    spec["containers"][0]["volumeMounts"].append({"name": "tls", "mountPath": "/tls"})
    service = {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]}
    cluster.apply(
        [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "stringData": {"pair.pem": pair}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"}, "spec": service},
            hosted.pod("hook", spec, {"app": "hook"}),
        ],
        namespace=namespace,
    )
    cluster.wait("pod/hook", "--for=condition=Ready", f"--namespace={namespace}")
    bundle = base64.b64encode(authority.cert_pem.bytes()).decode()
    cluster.apply(WEBHOOK.replace("NAME", namespace).replace("AUTHORITY", bundle))
    try:
        # kube-proxy may still be coming back from an API server that another test stopped: it retries every 30 s.
        wait_until(lambda: refused(cluster, namespace), 120.0, describe="the webhook's refusal")
    finally:
        cluster.kubectl("delete", f"validatingwebhookconfiguration/{namespace}")


def refused(cluster: Cluster, namespace: str) -> bool:
    try:
        cluster.kubectl("create", "configmap", "any", f"--namespace={namespace}", "--dry-run=server")
    except ClusterError as exc:
        if "refused by the pod" not in exc.message:
            raise  # "not yet"; the message tells what stands between the API server and the pod
        return True
    return False

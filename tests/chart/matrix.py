"""The values that the chart is tested with: what people really set, each once, and everything together."""

from typing import Any, Final

EVERYTHING: Final[dict[str, Any]] = {
    "replicas": 3,
    "image": {"repository": "registry.example/backstop", "digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "sources": [
        {
            "name": "default",
            "url": "https://prometheus.example:9090",
            "timeout": "5s",
            "concurrency": 4,
            "auth": {"bearerTokenSecret": {"name": "prometheus", "key": "token"}},
            "tls": {"caConfigMap": {"name": "authorities", "key": "ca.crt"}},
        },
        {
            "name": "tenants",
            "url": "https://mimir.example/prometheus",
            "allowedNamespaces": ["shop", "team-*"],
            "auth": {"basicSecret": {"username": "backstop", "name": "mimir", "key": "password"}},
            "tls": {"caSecret": {"name": "mimir", "key": "ca.crt"}, "clientSecret": {"name": "mimir-client"}},
            "ingestionDelay": "1m",
            "headers": {"X-Source": "backstop"},
            "headerSecrets": {"X-Scope-OrgID": {"name": "mimir", "key": "tenant"}},
            "enforceMatcher": {"namespace": "$namespace"},
        },
        {"name": "plain", "url": "http://prometheus.monitoring:9090"},
    ],
    "watch": {"namespaces": ["shop", "team-a"]},
    "leaderElection": {"leaseDuration": "30s", "renewEvery": "10s"},
    "status": {"writesPerSecond": 10, "heartbeat": "5m", "minimumInterval": "30s"},
    "checkpoint": {"sizeMebibytes": 1024},
    "web": {"port": 9000},
    "admission": {"port": 9444},
    "notifications": {"allowedHosts": ["hooks.example.com", "*.pager.example"], "allowedNetworks": ["10.20.0.0/16"]},
    "logging": {"level": "debug", "format": "console"},
    "metrics": {"annotations": False, "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "networkPolicy": {
        "enabled": True,
        "ingressFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "egress": [{"ports": [{"protocol": "TCP", "port": 443}, {"protocol": "UDP", "port": 53}]}],
    },
    "serviceAccount": {"name": "slo-operator", "annotations": {"cloud.example/role": "prometheus-reader"}},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "platform", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
         "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "backstop"}}}
    ],
    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname",
         "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "backstop"}}}
    ]}},
    "terminationGracePeriodSeconds": 60,
    "commonLabels": {"team": "platform"},
    "podLabels": {"team": "reliability"},
    "podAnnotations": {"example.com/note": "1"},
    "env": [{"name": "TZ", "value": "Europe/Berlin"}],
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
}  # fmt: skip

CASES: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "two replicas": {"replicas": 2},
    "some namespaces": {"watch": {"namespaces": ["shop"]}},
    "roles and account by others": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}},
    "kept on claims": {
        "replicas": 2,
        "checkpoint": {"volume": "persistentVolumeClaim", "persistentVolumeClaim": {"storageClassName": "fast"}},
    },
    "kept on a claim where the cluster chooses the group": {
        "checkpoint": {"volume": "persistentVolumeClaim", "persistentVolumeClaim": {"fsGroup": None}},
    },
    "no election": {"leaderElection": {"enabled": False}},
    "a bare operator": {
        "metrics": {"annotations": False, "service": False},
        "rbac": {"aggregate": False},
        "resources": {},
    },
    "nothing judged at apply": {"admission": {"enabled": False, "records": False}},
    "an unverified source": {
        "sources": [{"name": "lab", "url": "https://prometheus.lab:9090", "tls": {"insecureSkipVerify": True}}]
    },
}

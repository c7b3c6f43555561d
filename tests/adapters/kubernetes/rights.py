"""Service accounts with chosen rights on the test cluster."""

import json

from backstop.adapters.kubernetes.permissions import PERMISSIONS, Scope


def rules_of(permissions):
    """Rules of RBAC, one for each permission."""
    return [
        {
            "apiGroups": [permission.resource.group],
            "resources": [permission.rbac_resource],
            "verbs": [str(permission.verb)],
            **({"resourceNames": [permission.name]} if permission.name else {}),
        }
        for permission in permissions
    ]


def grant_everything_needed(cluster, namespace, account):
    """Create a service account with the rights of the table; return what removes its cluster-wide part."""
    watched = rules_of(p for p in PERMISSIONS if p.scope is not Scope.OWN)
    own = rules_of(p for p in PERMISSIONS if p.scope is Scope.OWN)
    create_account(cluster, namespace, account)
    name = f"{namespace}-{account}"
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    rbac = "rbac.authorization.k8s.io"
    cluster.apply(
        [
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": watched},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
                "subjects": subjects,
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "Role",
                "metadata": {"name": account, "namespace": namespace},
                "rules": own,
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": account, "namespace": namespace},
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": account},
                "subjects": subjects,
            },
        ]
    )

    def undo():
        cluster.kubectl("delete", f"clusterrole/{name}", f"clusterrolebinding/{name}", "--ignore-not-found")

    return undo


def create_account(cluster, namespace, account):
    cluster.kubectl("create", "serviceaccount", account, f"--namespace={namespace}")


def kubeconfig_for(cluster, namespace, account):
    """A kubeconfig that logs in with a token of the service account."""
    admin = cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json")
    given = json.loads(admin)
    token = cluster.kubectl("create", "token", account, f"--namespace={namespace}").strip()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": given["clusters"][0]["cluster"]}],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": account, "namespace": namespace}}],
        "current-context": "test",
    }

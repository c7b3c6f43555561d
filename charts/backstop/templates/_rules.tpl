{{/*
What the operator may do where it watches, and nothing else: these are exactly the calls of
adapters/kubernetes/permissions.py, and a test compares them. No Secrets, no wildcards, no impersonate, bind or escalate.
*/}}
{{- define "backstop.watchRules" -}}
- apiGroups: [backstop.dev]
  resources: [slos, maintenancewindows]
  verbs: [get, list, watch]
- apiGroups: [backstop.dev]
  resources: [slos/status, maintenancewindows/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, get, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [list]
{{- end -}}

{{/*
What no Role can give. Where the operator is limited to namespaces it has none of it, and rules on nodes are unknown.
*/}}
{{- define "backstop.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
{{- end -}}

{{/* The Lease of the leader. `create` cannot be limited to a name: the name is not known to RBAC at creation. */}}
{{- define "backstop.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [backstop-leader]
  verbs: [get, update]
{{- end -}}

{{/*
What the operator may do where it watches, and nothing else: these are exactly the calls of
adapters/kubernetes/permissions.py, and a test compares them. No Secrets but its own, no wildcards, no impersonate, bind or escalate.
*/}}
{{- define "backstop.watchRules" -}}
- apiGroups: [backstop.dev]
  resources: [slos, maintenancewindows]
  verbs: [get, list, watch]
- apiGroups: [backstop.dev]
  resources: [slos/status, maintenancewindows/status]
  verbs: [patch]
- apiGroups: [backstop.dev]
  resources: [alertpolicies, notificationchannels]
  verbs: [get, list, watch]
- apiGroups: [backstop.dev]
  resources: [alertpolicies/status, notificationchannels/status]
  verbs: [patch]
- apiGroups: [backstop.dev]
  resources: [incidents]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [backstop.dev]
  resources: [incidents/status]
  verbs: [update]
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

{{/* The certificate of the admission webhook, and the configuration that says whom the API server trusts. */}}
{{- define "backstop.webhookSecretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [backstop-webhook-tls]
  verbs: [get, update]
{{- end -}}

{{- define "backstop.webhookConfigurationRules" -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingwebhookconfigurations]
  resourceNames: [{{ include "backstop.fullname" . }}]
  verbs: [get, update]
{{- end -}}

{{/* Every kind of ours is judged before it is stored. */}}
{{- define "backstop.judgedResources" -}}
- slos
- maintenancewindows
- alertpolicies
- notificationchannels
- incidents
{{- end -}}

{{/* The prefix of resource names: `backstop` for a release named backstop or backstop-system. */}}
{{- define "backstop.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trimSuffix "-system" | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "backstop.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "backstop.fullname" .) .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else -}}
{{- fail "serviceAccount.create is false, so serviceAccount.name must name an existing ServiceAccount" -}}
{{- end -}}
{{- end -}}

{{/* As the API server knows the operator. */}}
{{- define "backstop.userName" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "backstop.serviceAccountName" .) -}}
{{- end -}}

{{- define "backstop.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of every object: ours win over commonLabels, so that a value cannot break the selectors. */}}
{{- define "backstop.labels" -}}
{{- $ours := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/part-of" "backstop"
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_")
-}}
{{- merge (include "backstop.selectorLabels" . | fromYaml) $ours .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "backstop.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "backstop.checkReplicas" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection.enabled) }}
{{- fail (printf "replicas is %d, but leaderElection.enabled is false: without an election every pod would write" (int .Values.replicas)) }}
{{- end }}
{{- end -}}

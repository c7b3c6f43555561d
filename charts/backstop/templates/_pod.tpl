{{/* The pod of the operator, the same in a Deployment and in a StatefulSet. */}}
{{- define "backstop.podTemplate" -}}
{{- $name := include "backstop.fullname" . -}}
metadata:
  labels: {{- merge (include "backstop.selectorLabels" . | fromYaml) .Values.podLabels (include "backstop.labels" . | fromYaml) | toYaml | nindent 4 }}
  {{- $annotations := dict "kubectl.kubernetes.io/default-container" "backstop" }}
  {{- if .Values.metrics.annotations }}
  {{- $annotations = merge $annotations (dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .Values.web.port) "prometheus.io/path" "/metrics") }}
  {{- end }}
  annotations: {{- merge $annotations .Values.podAnnotations | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ include "backstop.serviceAccountName" . }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- if .Values.affinity }}
    {{- toYaml .Values.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels: {{- include "backstop.selectorLabels" . | nindent 16 }}
    {{- end }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "backstop.selectorLabels" . | nindent 10 }}
    {{- end }}
  securityContext:
    runAsNonRoot: true  # the image's user is a number, which the kubelet can check; OpenShift may choose another
    seccompProfile: {type: RuntimeDefault}
    {{- if eq .Values.checkpoint.volume "persistentVolumeClaim" }}
    {{- with .Values.checkpoint.persistentVolumeClaim.fsGroup }}
    fsGroup: {{ int . }}
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    {{- end }}
  containers:
    - name: backstop
      image: {{ include "backstop.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        runAsNonRoot: true
        capabilities: {drop: [ALL]}
      env:
        - {name: BACKSTOP_CONFIG, value: /etc/backstop/config.yaml}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: metrics, containerPort: {{ .Values.web.port }}}
        {{- if .Values.admission.enabled }}
        - {name: webhook, containerPort: {{ .Values.admission.port }}}
        {{- end }}
      # Two minutes to start on a busy node; from then on a process that stopped answering is restarted after 30 s.
      startupProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 5
        timeoutSeconds: 3
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/backstop, readOnly: true}
        - {name: state, mountPath: /var/lib/backstop}
        - {name: tmp, mountPath: /tmp}
        {{- range .Values.sources }}
        {{- if include "backstop.sourceProjections" . | trim }}
        - {name: source-{{ .name }}, mountPath: {{ include "backstop.sourceFolder" .name }}, readOnly: true}
        {{- end }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ $name }}}
    {{- if eq .Values.checkpoint.volume "emptyDir" }}
    - name: state
      emptyDir: {sizeLimit: {{ .Values.checkpoint.sizeMebibytes }}Mi}  # what is lost with the pod is read anew
    {{- end }}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- range $source := .Values.sources }}
    {{- with include "backstop.sourceProjections" $source | trim }}
    - name: source-{{ $source.name }}
      projected:
        sources: {{- . | nindent 10 }}
    {{- end }}
    {{- end }}
{{- end -}}

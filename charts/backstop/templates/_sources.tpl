{{/*
Sources: values name Secrets and ConfigMaps, the operator reads files. Each source with any of them gets one projected
volume under /etc/backstop-sources/NAME; this file holds the paths in it, once for the volume and once for config.yaml.
Projected volumes follow a rotated Secret without a restart (a subPath would not).
*/}}

{{- define "backstop.sourceFolder" -}}
/etc/backstop-sources/{{ . }}
{{- end -}}

{{- define "backstop.headerFile" -}}
header-{{ lower . }}
{{- end -}}

{{/* Refuses what a schema can say only badly. */}}
{{- define "backstop.checkSources" -}}
{{- $seen := dict -}}
{{- range $source := .Values.sources -}}
{{- if hasKey $seen $source.name -}}
{{- fail (printf "sources: the name %q is used twice; an SLO could not tell which one it reads" $source.name) -}}
{{- end -}}
{{- $_ := set $seen $source.name true -}}
{{- $tls := default dict $source.tls -}}
{{- if and $tls.caSecret $tls.caConfigMap -}}
{{- fail (printf "sources[%s].tls: set caSecret or caConfigMap, not both" $source.name) -}}
{{- end -}}
{{- if and $tls.insecureSkipVerify (or $tls.caSecret $tls.caConfigMap) -}}
{{- fail (printf "sources[%s].tls: insecureSkipVerify ignores the given CA; remove one of them" $source.name) -}}
{{- end -}}
{{- if and $source.tls (not (hasPrefix "https://" $source.url)) -}}
{{- fail (printf "sources[%s].tls: has no effect on an http address; use https in url, or remove tls" $source.name) -}}
{{- end -}}
{{- $secretNames := dict -}}
{{- range $header, $_ := default dict $source.headerSecrets -}}
{{- if or (hasKey $secretNames (lower $header)) (hasKey (default dict $source.headers) $header) -}}
{{- fail (printf "sources[%s].headerSecrets: the header %s is given twice" $source.name $header) -}}
{{- end -}}
{{- $_ := set $secretNames (lower $header) true -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The projections of one source's volume, as a YAML list; empty when it needs no file. */}}
{{- define "backstop.sourceProjections" -}}
{{- with .auth }}
{{- with .bearerTokenSecret }}
- secret: {name: {{ .name }}, items: [{key: {{ .key | quote }}, path: bearer-token}]}
{{- end }}
{{- with .basicSecret }}
- secret: {name: {{ .name }}, items: [{key: {{ .key | quote }}, path: password}]}
{{- end }}
{{- end }}
{{- with .tls }}
{{- with .caSecret }}
- secret: {name: {{ .name }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}
{{- with .caConfigMap }}
- configMap: {name: {{ .name }}, items: [{key: {{ .key | quote }}, path: ca.crt}]}
{{- end }}
{{- with .clientSecret }}
- secret:
    name: {{ .name }}
    items:
      - {key: {{ default "tls.crt" .certKey | quote }}, path: tls.crt}
      - {key: {{ default "tls.key" .keyKey | quote }}, path: tls.key}
{{- end }}
{{- end }}
{{- range $header, $secret := .headerSecrets }}
- secret: {name: {{ $secret.name }}, items: [{key: {{ $secret.key | quote }}, path: {{ include "backstop.headerFile" $header }}}]}
{{- end }}
{{- end -}}

{{/* One source as config.yaml has it. */}}
{{- define "backstop.sourceConfiguration" -}}
{{- $folder := include "backstop.sourceFolder" .name -}}
{{- $out := pick . "name" "url" "allowedNamespaces" "timeout" "concurrency" "ingestionDelay" "headers" "enforceMatcher" -}}
{{- with .auth -}}
{{- if .bearerTokenSecret -}}
{{- $_ := set $out "auth" (dict "bearerTokenFile" (printf "%s/bearer-token" $folder)) -}}
{{- else if .basicSecret -}}
{{- $_ := set $out "auth" (dict "basic" (dict "username" .basicSecret.username "passwordFile" (printf "%s/password" $folder))) -}}
{{- end -}}
{{- end -}}
{{- with .tls -}}
{{- $tls := pick . "insecureSkipVerify" -}}
{{- if or .caSecret .caConfigMap -}}
{{- $_ := set $tls "caFile" (printf "%s/ca.crt" $folder) -}}
{{- end -}}
{{- if .clientSecret -}}
{{- $_ := set $tls "certFile" (printf "%s/tls.crt" $folder) -}}
{{- $_ := set $tls "keyFile" (printf "%s/tls.key" $folder) -}}
{{- end -}}
{{- $_ := set $out "tls" $tls -}}
{{- end -}}
{{- with .headerSecrets -}}
{{- $files := dict -}}
{{- range $header, $_ := . -}}
{{- $_ := set $files $header (printf "%s/%s" $folder (include "backstop.headerFile" $header)) -}}
{{- end -}}
{{- $_ := set $out "headerFiles" $files -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}

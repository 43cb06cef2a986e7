{{/*
Variables of `weir ratelimit` as YAML: those of envoyproxy/ratelimit. Takes a dict: root.
*/}}
{{- define "weir.ratelimitVariables" -}}
{{- $values := .root.Values -}}
{{- $variables := deepCopy $values.ratelimit.config -}}
{{- $own := dict
  "GRPC_HOST" "0.0.0.0"
  "GRPC_PORT" 8081
  "HOST" "0.0.0.0"
  "PORT" 8080
  "DEBUG_HOST" "127.0.0.1"
  "USE_PROMETHEUS" true
  "PROMETHEUS_ADDR" "0.0.0.0:9090"
  "DATA_DIR" "/var/lib/weir"
  "SHUTDOWN_DELAY_MS" (mul 1000 $values.shutdown.delaySeconds)
  "SHUTDOWN_TIMEOUT_MS" (mul 1000 $values.shutdown.timeoutSeconds)
-}}
{{- if include "weir.rulesConfigMap" .root -}}
{{- $_ := mergeOverwrite $own (dict "RUNTIME_ROOT" "/etc/weir" "RUNTIME_APPDIRECTORY" "rules" "RUNTIME_WATCH_ROOT" false "RUNTIME_IGNOREDOTFILES" true) -}}
{{- end -}}
{{- if include "weir.tlsSecret" .root -}}
{{- $_ := mergeOverwrite $own (dict "GRPC_SERVER_USE_TLS" true "GRPC_SERVER_TLS_CERT" "/etc/weir/tls/tls.crt" "GRPC_SERVER_TLS_KEY" "/etc/weir/tls/tls.key") -}}
{{- if $values.tls.clientAuth -}}
{{- $_ := set $own "GRPC_CLIENT_TLS_CACERT" "/etc/weir/tls/ca.crt" -}}
{{- end -}}
{{- end -}}
{{- if $values.redisTls.existingSecret -}}
{{- $_ := mergeOverwrite $own (dict "REDIS_TLS" true "REDIS_TLS_CACERT" "/etc/weir/redis-tls/ca.crt") -}}
{{- if $values.redisTls.clientCertificate -}}
{{- $_ := mergeOverwrite $own (dict "REDIS_TLS_CLIENT_CERT" "/etc/weir/redis-tls/tls.crt" "REDIS_TLS_CLIENT_KEY" "/etc/weir/redis-tls/tls.key") -}}
{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite $variables $own) -}}
{{- end -}}

{{/* envoyproxy/ratelimit takes secrets from the environment alone. */}}
{{- define "weir.ratelimitSecrets" -}}
- name: REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ .existingSecret }}, key: {{ .key }} } }
{{- end -}}

{{/* The port for HTTP has no TLS, so its check replaces that of gRPC where the latter has. */}}
{{- define "weir.ratelimitProbes" -}}
startupProbe:
  tcpSocket: { port: grpc-decision }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  tcpSocket: { port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  {{- if include "weir.tlsSecret" .root }}
  httpGet: { path: /healthcheck, port: http }
  {{- else }}
  grpc: { port: 8081 }
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/*
Variables of a node as YAML. Takes a dict: root, role (all, decision, admin), config (of these nodes only).
The chart's own variables take precedence over `config`, whose schema does not have them.
*/}}
{{- define "weir.variables" -}}
{{- $values := .root.Values -}}
{{- $variables := mergeOverwrite (deepCopy $values.config) (deepCopy .config) -}}
{{- $own := dict
  "WEIR_ROLE" .role
  "ADMIN_ADDRESS" "0.0.0.0:8082"
  "HTTP_ADDRESS" "0.0.0.0:8080"
  "METRICS_ADDRESS" "0.0.0.0:9090"
  "DATA_DIR" "/var/lib/weir"
  "SHUTDOWN_DELAY_MS" (mul 1000 $values.shutdown.delaySeconds)
  "SHUTDOWN_TIMEOUT_MS" (mul 1000 $values.shutdown.timeoutSeconds)
-}}
{{- if include "weir.tlsSecret" .root -}}
{{- $_ := set $own "ADMIN_TLS_CERT_FILE" "/etc/weir/tls/tls.crt" -}}
{{- $_ := set $own "ADMIN_TLS_KEY_FILE" "/etc/weir/tls/tls.key" -}}
{{- $_ := set $own "HTTP_TLS_CERT_FILE" "/etc/weir/tls/tls.crt" -}}
{{- $_ := set $own "HTTP_TLS_KEY_FILE" "/etc/weir/tls/tls.key" -}}
{{- end -}}
{{- if ne .role "admin" -}}
{{- $_ := set $own "DECISION_ADDRESS" "0.0.0.0:8081" -}}
{{- if include "weir.tlsSecret" .root -}}
{{- $_ := set $own "DECISION_TLS_CERT_FILE" "/etc/weir/tls/tls.crt" -}}
{{- $_ := set $own "DECISION_TLS_KEY_FILE" "/etc/weir/tls/tls.key" -}}
{{- if $values.tls.clientAuth -}}
{{- $_ := set $own "DECISION_TLS_CLIENT_CA_FILE" "/etc/weir/tls/ca.crt" -}}
{{- end -}}
{{- with $values.tls.clientIdentities -}}
{{- $_ := set $own "DECISION_CLIENT_IDENTITIES" (join "," .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if include "weir.rulesConfigMap" .root -}}
{{- $_ := set $own "RULES_PATH" "/etc/weir/rules" -}}
{{- end -}}
{{- if $values.redisTls.existingSecret -}}
{{- $_ := set $own "REDIS_TLS_CA_FILE" "/etc/weir/redis-tls/ca.crt" -}}
{{- if $values.redisTls.clientCertificate -}}
{{- $_ := set $own "REDIS_TLS_CERT_FILE" "/etc/weir/redis-tls/tls.crt" -}}
{{- $_ := set $own "REDIS_TLS_KEY_FILE" "/etc/weir/redis-tls/tls.key" -}}
{{- end -}}
{{- end -}}
{{- $_ := mergeOverwrite $variables $own (include "weir.databaseTlsVariables" .root | fromYaml) -}}
{{- range (include "weir.secretsOf" (dict "root" .root "role" .role "variables" $variables) | fromYamlArray) -}}
{{- $_ := set $variables (printf "%s_FILE" .variable) (printf "/etc/weir/secrets/%s" .variable) -}}
{{- end -}}
{{- toYaml $variables -}}
{{- end -}}

{{- define "weir.databaseTlsVariables" -}}
{{- with .Values.databaseTls -}}
{{- if .existingSecret -}}
PGSSLMODE: verify-full
PGSSLROOTCERT: /etc/weir/database-tls/ca.crt
{{- if .clientCertificate }}
PGSSLCERT: /etc/weir/database-tls/tls.crt
PGSSLKEY: /etc/weir/database-tls/tls.key
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Secrets of a node as a YAML list: variable, existingSecret, key. Takes a dict: root, role (also: migration), variables.
A node gets only the secrets that its role needs.
*/}}
{{- define "weir.secretsOf" -}}
{{- $secrets := .root.Values.secrets -}}
{{- $names := list "databaseUrl" -}}
{{- if ne .role "migration" -}}
{{- $names = concat $names (list "redisUrl" "redisSentinelPassword" "keyPepper" "keyPepperPrevious" "otelExporterOtlpHeaders" "sentryDsn") -}}
{{- if or (ne .role "decision") (eq (toString (get .variables "TOKEN_ALGORITHM")) "HS256") -}}
{{- $names = append $names "signingKeySecret" -}}
{{- end -}}
{{- if ne .role "decision" -}}
{{- $names = concat $names (list "adminPassword" "stripeWebhookSecret") -}}
{{- end -}}
{{- end -}}
{{- $list := list -}}
{{- range $name := $names -}}
{{- $secret := get $secrets $name -}}
{{- if $secret.existingSecret -}}
{{- $list = append $list (dict "variable" (snakecase $name | upper) "existingSecret" $secret.existingSecret "key" $secret.key) -}}
{{- end -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{/* `env` of a container. Takes YAML of variables. Numbers come as floats from values files. */}}
{{- define "weir.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ ternary (printf "%d" (int64 $value)) (toString $value) (or (kindIs "float64" $value) (kindIs "int64" $value)) | quote }}
{{- end }}
{{- end -}}

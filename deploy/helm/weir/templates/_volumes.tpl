{{- define "weir.volumeMounts" -}}
{{- $values := .root.Values -}}
- { name: data, mountPath: /var/lib/weir }
{{- if ne .role "ratelimit" }}
- { name: secrets, mountPath: /etc/weir/secrets, readOnly: true }
{{- end }}
{{- if include "weir.rulesConfigMap" .root }}
- { name: rules, mountPath: /etc/weir/rules, readOnly: true }
{{- end }}
{{- if include "weir.tlsSecret" .root }}
- { name: tls, mountPath: /etc/weir/tls, readOnly: true }
{{- end }}
{{- if and (ne .role "ratelimit") $values.databaseTls.existingSecret }}
- { name: database-tls, mountPath: /etc/weir/database-tls, readOnly: true }
{{- end }}
{{- if $values.redisTls.existingSecret }}
- { name: redis-tls, mountPath: /etc/weir/redis-tls, readOnly: true }
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "weir.volumes" -}}
{{- $values := .root.Values -}}
- name: data
  emptyDir: { sizeLimit: {{ $values.dataDir.sizeLimit }} }
{{- if ne .role "ratelimit" }}
{{ include "weir.secretsVolume" . }}
{{- end }}
{{- with include "weir.rulesConfigMap" .root }}
- name: rules
  configMap: { name: {{ . }} }
{{- end }}
{{- with include "weir.tlsSecret" .root }}
- name: tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- if ne .role "ratelimit" }}
{{- with include "weir.databaseTlsVolume" .root | trim }}
{{ . }}
{{- end }}
{{- end }}
{{- with $values.redisTls.existingSecret }}
- name: redis-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One volume with a file for each secret of the role. */}}
{{- define "weir.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range (include "weir.secretsOf" . | fromYamlArray) }}
      - secret:
          name: {{ .existingSecret }}
          items: [{ key: {{ .key }}, path: {{ .variable }} }]
      {{- end }}
{{- end -}}

{{- define "weir.databaseTlsVolume" -}}
{{- with .Values.databaseTls.existingSecret }}
- name: database-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

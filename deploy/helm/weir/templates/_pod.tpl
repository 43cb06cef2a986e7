{{/*
A Deployment of nodes. Takes a dict: root, role (all, decision, admin, ratelimit), component (the label), settings (values of these
nodes).
*/}}
{{- define "weir.deployment" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $isRatelimit := eq .role "ratelimit" -}}
{{- $variables := include (ternary "weir.ratelimitVariables" "weir.variables" $isRatelimit) (dict "root" $root "role" .role "config" .settings.config) | fromYaml -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "weir.deploymentName" (dict "root" $root "role" .role) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "weir.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not (dig "autoscaling" "enabled" false .settings) }}
  replicas: {{ .settings.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "weir.selectorLabels" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  # A new node is ready before an old one stops.
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  template:
    metadata:
      labels:
        {{- include "weir.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- with .settings.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .settings.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "weir.podCommons" $root | nindent 6 }}
      serviceAccountName: {{ include "weir.serviceAccountName" $root }}
      terminationGracePeriodSeconds: {{ add $values.shutdown.timeoutSeconds 5 }}
      {{- with .settings.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .settings.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .settings.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .settings.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        {{- include "weir.spread" . | trim | nindent 8 }}
      containers:
        - name: weir
          image: {{ include "weir.image" $root }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args: [{{ ternary "ratelimit" "serve" $isRatelimit }}]
          env:
            {{- include "weir.env" $variables | trim | nindent 12 }}
            {{- if $isRatelimit }}
            {{- include "weir.ratelimitSecrets" $values.secrets.redisUrl | trim | nindent 12 }}
            {{- end }}
            {{- with concat $values.extraEnv .settings.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- if ne .role "admin" }}
            - { name: grpc-decision, containerPort: 8081 }
            {{- end }}
            {{- if not $isRatelimit }}
            - { name: grpc-admin, containerPort: 8082 }
            {{- end }}
            - { name: http, containerPort: 8080 }
            - { name: metrics, containerPort: 9090 }
          {{- include (ternary "weir.ratelimitProbes" "weir.probes" $isRatelimit) . | nindent 10 }}
          {{- with .settings.lifecycle }}
          lifecycle:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          resources:
            {{- toYaml .settings.resources | nindent 12 }}
          securityContext:
            {{- toYaml $values.securityContext | nindent 12 }}
          volumeMounts:
            {{- include "weir.volumeMounts" . | trim | nindent 12 }}
      volumes:
        {{- include "weir.volumes" (dict "root" $root "role" .role "variables" $variables) | trim | nindent 8 }}
{{- end -}}

{{- define "weir.deploymentName" -}}
{{- $name := include "weir.fullname" .root -}}
{{- ternary $name (printf "%s-%s" $name .role) (has .role (list "all" "ratelimit")) -}}
{{- end -}}

{{/* Fields of the pods of nodes and of the migration. */}}
{{- define "weir.podCommons" -}}
# Weir does not call the API of Kubernetes. Variables of Services could be taken for misspelled ones of Weir.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{- define "weir.spread" -}}
{{- with .settings.topologySpreadConstraints -}}
{{- toYaml . -}}
{{- else -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "weir.selectorLabels" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A probe of the type grpc does not speak TLS, so with TLS /readyz answers instead. Both give the same answer. */}}
{{- define "weir.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  {{- if eq .role "admin" }}
  grpc: { port: 8082 }
  {{- else if include "weir.tlsSecret" .root }}
  httpGet: { path: /readyz, port: metrics }
  {{- else }}
  grpc: { port: 8081 }
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

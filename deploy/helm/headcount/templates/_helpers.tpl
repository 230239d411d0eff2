{{/* Names are fixed: there is one operator a namespace, and the admission policies know its account by name. */}}
{{- define "headcount.selector" -}}
app.kubernetes.io/name: headcount
app.kubernetes.io/component: operator
{{- end }}

{{- define "headcount.labels" -}}
{{ include "headcount.selector" . }}
app.kubernetes.io/part-of: headcount
{{- end }}

{{- define "headcount.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "headcount.labels" . | nindent 2 }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "headcount.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What the operator may do: the rules of deploy/kubernetes/base/role.yaml. */}}
{{- define "headcount.rules" -}}
{{- $role := .Files.Get "files/role.yaml" | splitList "\n---\n" | first | fromYaml -}}
{{- range $role.rules -}}
{{- if and (has "secrets" .resources) $.Values.rbac.secretNames -}}
{{- $_ := set . "resourceNames" $.Values.rbac.secretNames -}}
{{- end -}}
{{- end -}}
{{- toYaml $role.rules -}}
{{- end }}

{{/* The namespaces of the Workspaces whose files are mounted. */}}
{{- define "headcount.fileNamespaces" -}}
{{- $all := list -}}
{{- range .Values.files -}}
{{- $all = append $all (.namespace | default $.Release.Namespace) -}}
{{- end -}}
{{- $all | uniq | toJson -}}
{{- end }}

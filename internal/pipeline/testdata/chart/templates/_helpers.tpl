{{- define "automation.labels" -}}
app: {{ required "a name for the labels is needed: set labels.app" (.Values.labels | default dict).app | quote }}
{{- end }}

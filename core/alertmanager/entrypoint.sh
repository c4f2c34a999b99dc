#!/bin/sh
# Alertmanager reads no variable: this writes its file of what .env decides, which holds none of ' " \ ` $. The password of
# the mail server stays in its own file. With neither an address nor a webhook an alert is seen in Prometheus alone.
set -eu

mail() {
  [ -n "$ALERT_MAIL_TO" ] || return 0
  echo '    email_configs:'
  echo "      - to: '$ALERT_MAIL_TO'"
  echo "        from: '$ALERT_MAIL_FROM'"
  echo "        smarthost: '$ALERT_SMTP_HOST'"
  echo "        require_tls: $ALERT_SMTP_TLS"
  echo '        send_resolved: true'
  echo "        headers: { Subject: '{{ template \"erp.subject\" . }}' }"
  echo "        html: ''"
  echo "        text: '{{ template \"erp.text\" . }}'"
  [ -n "$ALERT_SMTP_USER" ] || return 0
  echo "        auth_username: '$ALERT_SMTP_USER'"
  echo '        auth_password_file: /run/secrets/alertmanager_smtp_password'
}

webhook() { # url, and whether the end of an alert is told as well
  [ -n "$1" ] || return 0
  echo "    webhook_configs: [{ url: '$1', send_resolved: $2 }]"
}

{
  cat /opt/erp/alertmanager.yml
  echo 'receivers:'
  echo '  - name: operator'
  mail
  webhook "$ALERT_WEBHOOK_URL" true
  echo '  - name: heartbeat'
  webhook "$ALERT_HEARTBEAT_URL" false
} >/tmp/alertmanager.yml

[ -n "$ALERT_MAIL_TO$ALERT_WEBHOOK_URL" ] || echo 'no alert reaches anybody: set ALERT_MAIL_TO or ALERT_WEBHOOK_URL' >&2
exec alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= "$@"

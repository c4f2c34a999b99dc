#!/bin/sh
# Serves /srv/backups by rest-server (append-only, at $REST_LISTEN, the login in $LOGIN) and by SFTP (at $SSH_LISTEN, user
# keeper).
set -eu
printf '%s\n' "$PUBLIC_KEY" >/home/keeper/.ssh/authorized_keys
chown keeper /home/keeper/.ssh/authorized_keys
ssh-keygen -A >/dev/null
/usr/sbin/sshd -e -o "ListenAddress=$SSH_LISTEN"
printf '%s:{SHA}%s\n' "${LOGIN%%:*}" "$(printf %s "${LOGIN#*:}" | openssl dgst -sha1 -binary | base64)" >/tmp/htpasswd
exec restic-rest-server --listen "$REST_LISTEN" --path /srv/backups/rest --append-only --htpasswd-file /tmp/htpasswd

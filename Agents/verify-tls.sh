# Looks at the host itself whether a service shows the certificate in $RENEWED_LINEAGE, five times in a row: a server's old
# workers may answer for a moment longer. Once both were seen, twelve times: an old process may stay and answer half of all.
# ADDRESS:PORT, name to ask for, seconds, and the protocol before TLS or nothing.
wanted=$(openssl x509 -in "$RENEWED_LINEAGE/cert.pem") || exit
# Where a server has a certificate of each kind of key, it shows ours to who takes no other.
case $(openssl x509 -in "$RENEWED_LINEAGE/cert.pem" -noout -text) in
  *'Public Key Algorithm: rsa'*) algorithms=RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512 ;;
  *) algorithms=ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512 ;;
esac
ask() { openssl s_client -connect "$address" -servername "$name" ${protocol:+-starttls "$protocol"} ${xmpp:+-xmpphost "$xmpp"} "$@" </dev/null 2>&1; }
address=$1 name=$2 protocol=${4:-}
xmpp=
[ "${4:-}" != xmpp ] || xmpp=$2
seen=0 tries=0 wanted_times=5
while [ "$tries" -lt "$3" ]; do
  answer=$(ask)
  served=$(echo "$answer" | openssl x509 2>/dev/null)
  if [ -n "$served" ] && [ "$served" != "$wanted" ]; then
    other=$(ask -sigalgs "$algorithms" | openssl x509 2>/dev/null)
    [ "$other" != "$wanted" ] || served=$other
  fi
  if [ "$served" = "$wanted" ]; then
    seen=$((seen + 1))
    [ "$seen" -lt "$wanted_times" ] || exit 0
    continue
  fi
  [ "$seen" -eq 0 ] || wanted_times=12
  seen=0 tries=$((tries + 1))
  sleep 1
done
if [ -n "$served" ]; then
  echo "$1 ($2) serves another certificate: $(echo "$served" | openssl x509 -noout -subject -serial | tr '\n' ' ')" >&2
else
  echo "$1 ($2) shows no certificate: $(echo "$answer" | tail -n 1)" >&2
fi
exit 1

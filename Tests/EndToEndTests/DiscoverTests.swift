import Foundation
import Testing
import ThrowawayFleet

/// What a host has is found, and an inventory is written that takes it over.
@Suite(.enabled(if: PrivateHost.isPossible)) struct DiscoverTests {
  @Test func `a host with four services and two clients is found, taken over, and found again`() async throws
  {
    let scratch = try ScratchFolder()
    let network = Loopback.random()
    let ca = try await PebbleCA(
      in: scratch.path + "/pebble", on: network, .init(nonceReject: 0, authorizationReuse: 0))
    let certfleet = CertfleetProgram(home: scratch.path + "/state")
    try await KeyPair.make(at: scratch.path + "/id_ed25519", type: "ed25519")
    let host = try await PrivateHost(
      in: scratch.path + "/host", at: network.host(1),
      accounts: [.init("ops", sudo: "ALL=(root) NOPASSWD: ALL")],
      authorizedKey: Files.read(scratch.path + "/id_ed25519.pub"))
    try await SelfSigned.make("mail.example", in: scratch.path)
    let nginx = try await setUp(host, ca, scratch)
    @discardableResult
    func expect(_ status: Int32, _ arguments: String...) async throws -> Program.Result {
      let result = try await Program.run(CertfleetProgram.path, arguments, environment: certfleet.environment)
      guard result.status == status else {
        throw Program.Failed("\(arguments.joined(separator: " ")): \(result.status): \(result.everything)")
      }
      return result
    }
    try scratch.write(
      "hosts.json5",
      "{ hosts: [{name: 'web1', address: '\(host.address)', port: 2222, user: 'ops', identity: 'id_ed25519', become: true}] }"
    )
    try await expect(0, "apply", scratch.path + "/hosts.json5")
    try await expect(0, "host", "pin", "web1", "--fingerprint", try await host.ssh.fingerprint())
    let before = try await host.run(
      "find /etc /home -type f -newer /etc/mark | grep -v '/etc/sudoers.d/' | sort")

    // Something that no configuration tells of.
    try await SelfSigned.make("hidden.example", in: scratch.path + "/host")
    let hidden = try Running(
      try Program.find("openssl"),
      [
        "s_server", "-accept", "\(host.address):9555", "-cert", scratch.path + "/host/cert.pem", "-key",
        scratch.path + "/host/key.pem", "-quiet",
      ], stdout: nil, stderr: nil)
    try await eventually("it listens") { Loopback.answers(host.address, 9555) }
    let file = scratch.path + "/found.json5"
    let found = try await expect(0, "host", "discover", "--write", file)
    let table = found.stdout
    #expect(table.contains(/one\.example +web1 +nginx +443 +certbot +/), "\(table)")
    #expect(table.contains(/shop\.example \+1 +web1 +apache +- +acme\.sh +/), "\(table)")
    #expect(table.contains(/mail\.example +web1 +dovecot, postfix +- +nobody: its own/), "\(table)")
    #expect(
      found.stderr.contains("mail.example: certifies itself on web1, and is left as it is"), "\(found.stderr)"
    )
    #expect(
      found.stderr.contains(
        "web1: nginx names a certificate in a way that is not understood: /etc/ssl/$host.pem"))
    #expect(
      found.stderr.contains(
        /web1: port 9555 serves CN=hidden\.example until .*, and which service does that was not found/),
      "\(found.stderr)")
    await hidden.stop()
    #expect(found.stderr.contains("web1: nginx names /etc/ssl/gone.pem, which is not there"))
    #expect(
      before
        == (try await host.run("find /etc /home -type f -newer /etc/mark | grep -v '/etc/sudoers.d/' | sort"))
    )
    #expect(
      Files.read(file).contains(
        "{ format: \"pem\", path: \"/etc/ssl/shop.pem\", key_path: \"/etc/ssl/shop.key\", group: \"daemon\", mode: \"0640\" }"
      ))
    let json = try await expect(0, "host", "discover", "--json").stdout
    #expect(
      json.contains("\"schema\" : \"certfleet/discovery/2\"")
        && json.contains("\"clients\" : [\n        \"certbot\""))

    // As a person would: what is not known is said.
    let read = Files.read(file).replacing(
      /\/\/ it was proven at port 80 of the host; by the web server there: [^\n]*/,
      with: "challenge: { type: \"http-01\", listen: \"\(network.controller):\(ca.challengePort)\" },"
    ).replacing("agree_to_terms: true", with: "agree_to_terms: true, ca_file: \"pebble/ca.pem\"")
    try Files.write(file, read)
    try await expect(0, "apply", file)
    try await host.run("rm /etc/nginx/conf.d/two.conf")
    let checked = try await expect(0, "host", "check")
    #expect(checked.stdout.contains("ready: web1"), "\(checked.everything)")
    try await expect(0, "cert", "issue", "one.example")
    try await expect(0, "run", "--only", "one.example")
    #expect(
      try await host.run("readlink /etc/letsencrypt/live/one.example").hasPrefix("../archive/one.example/1"))
    #expect(host.read("/home/ops/renewed") == "renewed\n")
    #expect(host.read("/home/ops/directory") == "/etc/letsencrypt/live/one.example\n")
    let again = try await expect(0, "host", "discover").stdout
    #expect(again.contains(/one\.example +web1 +nginx +443 +certfleet +/), "\(again)")
    await nginx.stop()
    await host.ssh.stop()
    await ca.stop()
  }

  /// One certificate of certbot's that nginx serves, one of acme.sh's, one that certifies itself, and what cannot be understood.
  ///
  /// - Returns: nginx.
  private func setUp(_ host: PrivateHost, _ ca: PebbleCA, _ scratch: ScratchFolder) async throws -> Running {
    let shop = scratch.path + "/shop"
    try Files.makeFolder(shop)
    try await host.run(
      """
      set -e
      rm -rf /etc/nginx/conf.d /etc/nginx/sites-enabled /etc/apache2/sites-enabled /etc/letsencrypt /etc/dovecot /etc/haproxy
      mkdir -p /etc/nginx/conf.d /etc/apache2/sites-enabled /etc/dovecot/conf.d
      REQUESTS_CA_BUNDLE='\(ca.caFile)' certbot certonly --standalone --server '\(ca.directory)' --agree-tos -n \
        --register-unsafely-without-email --http-01-address \(ca.network.controller) --http-01-port \(ca.challengePort) \
        -d one.example --deploy-hook 'echo renewed >>/home/ops/renewed' --work-dir '\(scratch.path)/work' --logs-dir '\(scratch.path)/logs' >'\(scratch.path)/certbot' 2>&1
      rm /home/ops/renewed
      printf '%s\\n' '#!/bin/sh' 'echo "$RENEWED_LINEAGE" >>/home/ops/directory' >/etc/letsencrypt/renewal-hooks/deploy/tell
      chmod +x /etc/letsencrypt/renewal-hooks/deploy/tell
      cat >/etc/nginx/nginx.conf <<'X'
      user root; pid \(scratch.path)/nginx.pid; error_log \(scratch.path)/nginx.log; events {}
      http { access_log off; include conf.d/*.conf; }
      X
      cat >/etc/nginx/conf.d/one.conf <<'X'
      server { listen \(host.address):443 ssl; server_name one.example;
        ssl_certificate "/etc/letsencrypt/live/one.example/fullchain.pem";
        ssl_certificate_key /etc/letsencrypt/live/one.example/privkey.pem; # the key
      }
      X
      """)
    let nginx = try host.start("exec nginx -g 'daemon off;'")
    try await eventually("nginx listens") { Loopback.answers(host.address, 443) }
    try await host.run(
      """
      set -e
      cat >/etc/nginx/conf.d/two.conf <<'X'
      # ssl_certificate /etc/ssl/commented.pem;
      server { listen 10443 ssl; ssl_certificate /etc/ssl/$host.pem; ssl_certificate_key /etc/ssl/$host.key; }
      server { listen 10444 ssl; ssl_certificate /etc/ssl/gone.pem; ssl_certificate_key /etc/ssl/gone.key; }
      X
      printf '%s\\n' 'IncludeOptional sites-enabled/*.conf' >/etc/apache2/apache2.conf
      printf '%s\\n' '<VirtualHost *:443>' '  SSLCertificateFile "/etc/ssl/shop.pem"' '  SSLCertificateKeyFile /etc/ssl/shop.key' \
        '</VirtualHost>' >/etc/apache2/sites-enabled/shop.conf
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj '/CN=A CA' -keyout '\(shop)/ca.key' -out '\(shop)/ca.pem'
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -subj /CN=shop.example -CA '\(shop)/ca.pem' -CAkey '\(shop)/ca.key' \
        -addext 'subjectAltName=DNS:shop.example,DNS:www.shop.example' -keyout '\(shop)/key.pem' -out /etc/ssl/shop.pem
      cp '\(shop)/key.pem' /etc/ssl/shop.key; chmod 640 /etc/ssl/shop.key; chgrp daemon /etc/ssl/shop.key
      mkdir -p /home/ops/.acme.sh/shop.example
      printf '%s\\n' "Le_Domain='shop.example'" "Le_Alt='www.shop.example'" "Le_API='\(ca.directory)'" "Le_Webroot='no'" \
        "Le_RealFullChainPath='/etc/ssl/shop.pem'" "Le_RealKeyPath='/etc/ssl/shop.key'" "SECRET_Token='geheim'" \
        >/home/ops/.acme.sh/shop.example/shop.example.conf
      cp '\(scratch.path)/cert.pem' /etc/ssl/mail.pem
      # Whoever opens it waits for ever.
      mkfifo /etc/ssl/mail.key
      printf '%s\\n' 'smtpd_tls_cert_file=/etc/ssl/mail.pem' 'smtpd_tls_key_file = /etc/ssl/mail.key' >/etc/postfix/main.cf
      printf '%s\\n' '!include conf.d/*.conf' >/etc/dovecot/dovecot.conf
      printf '%s\\n' 'ssl_cert = </etc/ssl/mail.pem' 'ssl_key = </etc/ssl/mail.key' >/etc/dovecot/conf.d/10-ssl.conf
      touch -d '1 second ago' /etc/mark
      """)
    return nginx
  }
}

import Fleet
import Foundation
import PKI
import Testing
import ThrowawayFleet

@testable import Inventory

/// What services' configurations say, and the inventory that comes of it.
@Suite struct DiscoveryTests {
  @Test(arguments: [
    (
      ToldByHost.Kind.nginx, "/etc/nginx/conf.d/a.conf",
      "server { listen [::]:443 ssl http2; ssl_certificate a.pem; ssl_certificate_key 'a.key'; }",
      ["nginx /etc/nginx/a.pem /etc/nginx/a.key"], [443]
    ),
    // A pair for each kind of key, and ports without TLS.
    (
      .nginx, "/usr/local/etc/nginx/nginx.conf",
      "listen 80;\nlisten 10.0.0.1:8443 ssl;\nlisten 443 quic reuseport;\nssl_certificate /a/rsa.pem;\nssl_certificate_key /a/rsa.key;\nssl_certificate /a/ec.pem;\nssl_certificate_key /a/ec.key;\n",
      ["nginx /a/rsa.pem /a/rsa.key", "nginx /a/ec.pem /a/ec.key"], [443, 8443]
    ),
    (
      .nginx, "/etc/nginx/nginx.conf",
      "#ssl_certificate /no.pem;\n  # ssl_certificate /no.pem;\nssl_certificate /both.pem; ssl_certificate_key /both.pem;",
      ["nginx /both.pem -"], []
    ),
    (
      .apache, "/etc/httpd/conf.d/ssl.conf",
      "Listen 443 https\n<VirtualHost _default_:443>\n  SSLCertificateFile \"/etc/pki/tls/certs/a.crt\"\n\tsslcertificatekeyfile conf/a.key\n",
      ["apache /etc/pki/tls/certs/a.crt /etc/httpd/conf/a.key"], [443]
    ),
    (
      .haproxy, "/etc/haproxy/haproxy.cfg",
      "crt-base /etc/haproxy/certs\nbind *:80\nbind :443 ssl crt site.pem crt /srv/other.pem alpn h2\n",
      ["haproxy /etc/haproxy/certs/site.pem -", "haproxy /srv/other.pem -"], [443]
    ),
    (
      .postfix, "/etc/postfix/main.cf",
      "smtpd_tls_cert_file = /a.pem\nsmtpd_tls_key_file=/a.key\nsmtpd_tls_eccert_file = $x\n",
      ["postfix /a.pem /a.key"], []
    ),
    (
      .postfix, "/etc/postfix/main.cf", "smtpd_tls_chain_files = /k.pem, /c.pem", ["postfix /c.pem /k.pem"],
      []
    ),
    (
      .dovecot, "/etc/dovecot/conf.d/10-ssl.conf", "ssl = required\nssl_cert = </a.pem\nssl_key = < /a.key\n",
      ["dovecot /a.pem /a.key"], []
    ),
    (
      .dovecot, "/etc/dovecot/dovecot.conf",
      "ssl_server_cert_file = /a.pem\nssl_server_key_file = /a.key\n", ["dovecot /a.pem /a.key"], []
    ),
    (
      .nginx, "/etc/nginx/nginx.conf", "ssl_certificate;\nlisten ssl;\n;;{{}\nssl_certificate_key /x;", [], []
    ),
    (.haproxy, "/etc/haproxy/haproxy.cfg", "bind ssl crt\nbind :x ssl\ncrt\n", [], []),
  ])
  func `a configuration is read as its service reads it`(
    kind: ToldByHost.Kind, path: String, text: String, uses: [String], ports: [Int]
  ) {
    let read = ServiceConfiguration(ToldByHost(kind, path: path, text: text))
    #expect(read.uses.map { "\($0.service) \($0.certificate) \($0.key ?? "-")" } == uses)
    #expect(read.ports == Set(ports))
  }

  @Test func `what is no path is told and not guessed`() {
    for (kind, text) in [
      (ToldByHost.Kind.nginx, "ssl_certificate data:$cert;"),
      (.nginx, "ssl_certificate /c/$ssl_server_name.pem;"),
      (.haproxy, "bind :443 ssl crt-list /l.txt"), (.apache, "SSLCertificateChainFile /chain.pem"),
    ] {
      let read = ServiceConfiguration(ToldByHost(kind, path: "/etc/x", text: text))
      #expect(read.uses.isEmpty && read.notes.count == 1, "\(text)")
    }
  }

  @Test func `ports are those that others reach`() {
    let text = """
         0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
         1: 0100007F:1F90 00000000:0000 0A 0
         2: 0A00000A:0019 00000000:0000 0A 0
         3: 00000000:0050 0100007F:9999 01 0
         0: 00000000000000000000000000000000:03E1 00000000000000000000000000000000:0000 0A 0
         1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0
      nonsense
      """
    #expect(Set(ListeningPorts(text, at: "10.0.0.10").all) == [443, 25, 993])
    #expect(Set(ListeningPorts(text, at: "web1.example").all) == [443, 25, 993])
  }

  /// Hosts as they come: one certificate on many, by two clients, of several CAs.
  @Test func `the inventory names hosts by what they have in common, and applies`() async throws {
    let scratch = try ScratchFolder()
    let (shop, mail, other) = (
      try await certificate("shop.example", issuer: "R11", in: scratch),
      try await certificate("mail.example", issuer: "E7", in: scratch),
      try await certificate("old.example", issuer: "Acme Ltd CA", in: scratch)
    )
    func host(_ name: String, _ role: String, _ files: [(ToldByHost, String, String)]) -> DiscoveredHost {
      var found = DiscoveredHost(
        Host(name: Host.Name(name), address: name + ".example", labels: ["role": role]),
        survey: files.map(\.0))
      found.take(files.map { ToldByHost(.file, path: $0.1, text: "-rw-r--r-- root root\n" + $0.2) })
      return found
    }
    let nginx = ToldByHost(
      .nginx, path: "/etc/nginx/nginx.conf",
      text: "listen 443 ssl; ssl_certificate /etc/ssl/shop.pem; ssl_certificate_key /etc/ssl/shop.key;")
    let haproxy = ToldByHost(
      .haproxy, path: "/etc/haproxy/haproxy.cfg", text: "bind :443 ssl crt /etc/haproxy/old.pem")
    let postfix = ToldByHost(
      .postfix, path: "/etc/postfix/main.cf",
      text: "smtpd_tls_cert_file = /etc/letsencrypt/live/mail.example/fullchain.pem")
    let certbot = ToldByHost(
      .certbot, path: "/etc/letsencrypt/renewal/mail.example.conf",
      text: "cert = /etc/letsencrypt/live/mail.example/cert.pem\nauthenticator = standalone\n")
    let hosts =
      (1...3).map { host("web\($0)", "web", [(nginx, "/etc/ssl/shop.pem", shop)]) } + [
        host(
          "mail", "mail",
          [
            (postfix, "/etc/letsencrypt/live/mail.example/fullchain.pem", mail),
            (certbot, "/etc/letsencrypt/live/mail.example/cert.pem", mail),
          ]), host("lb", "lb", [(haproxy, "/etc/haproxy/old.pem", other)]),
      ]
    let fleet = DiscoveredFleet(hosts, failed: ["db1": "no route to host"])
    let imported = fleet.imported
    let text = imported.inventory(from: "what hosts have")
    #expect(
      text.contains(
        "{ to: \"role=web\", files: [{ format: \"pem\", path: \"/etc/ssl/shop.pem\", key_path: \"/etc/ssl/shop.key\" }], hooks: { deploy: [\"@nginx\"] } }"
      ), "\(text)")
    #expect(
      text.contains(
        "name: \"mail\", address: \"mail.example\", base: \"/etc/letsencrypt\", take_over: \"certbot\""),
      "\(text)")
    #expect(text.contains("{ to: \"name:mail\", hooks: { deploy: [\"@postfix\"] } }"), "\(text)")
    #expect(!text.contains("name: \"old.example\""), "\(text)")
    #expect(
      imported.noteLines.contains {
        $0.hasPrefix("old.example: comes from Acme Ltd CA, on lb, which is not known here")
      } && imported.noteLines.contains("db1: said nothing: no route to host"), "\(imported.noteLines)")
    let file = try scratch.write("found.json5", text)
    let declared = try InventoryFiles.read([file], beside: FleetDeclaration(hosts: hosts.map(\.host)))
    #expect(Set(declared.lineages.map(\.name)) == ["shop.example", "mail.example"])
    #expect(declared.hosts.first?.takeOver == .certbot)
  }

  /// As distributions and panels set their services up.
  @Test(arguments: [
    (
      ToldByHost.Kind.nginx, "/etc/nginx/sites-enabled/default",
      "listen 443 ssl default_server;\nlisten [::]:443 ssl default_server;\nserver_name _;\nssl_certificate /etc/ssl/certs/site.pem;\nssl_certificate_key /etc/ssl/private/site.key;",
      "/etc/ssl/certs/site.pem"
    ),
    (
      .nginx, "/etc/nginx/conf.d/vhost.conf",
      "server { listen 443 ssl http2; server_name a.example www.a.example; ssl_certificate ssl/a.crt; ssl_certificate_key ssl/a.key; }",
      "/etc/nginx/ssl/a.crt"
    ),
    (
      .nginx, "/usr/local/etc/nginx/nginx.conf",
      "\tlisten       443 ssl;\n\tssl_certificate      cert.pem;\n\tssl_certificate_key  cert.key;",
      "/usr/local/etc/nginx/cert.pem"
    ),
    (
      .apache, "/etc/apache2/sites-enabled/default-ssl.conf",
      "\t<VirtualHost *:443>\n\t\tSSLCertificateFile      /etc/ssl/certs/site.pem\n\t\tSSLCertificateKeyFile   /etc/ssl/private/site.key",
      "/etc/ssl/certs/site.pem"
    ),
    (
      .apache, "/etc/httpd/conf.d/ssl.conf",
      "Listen 443 https\n<VirtualHost _default_:443>\nSSLCertificateFile /etc/pki/tls/certs/localhost.crt\nSSLCertificateKeyFile /etc/pki/tls/private/localhost.key",
      "/etc/pki/tls/certs/localhost.crt"
    ),
    (
      .haproxy, "/etc/haproxy/haproxy.cfg", "    bind *:443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1",
      "/etc/haproxy/certs/site.pem"
    ),
    (
      .haproxy, "/etc/haproxy/haproxy.cfg",
      "crt-base /etc/ssl/private\nbind 10.0.0.1:443,10.0.0.2:443 ssl crt site.pem",
      "/etc/ssl/private/site.pem"
    ),
    (
      .postfix, "/etc/postfix/main.cf",
      "smtpd_tls_cert_file=/etc/postfix/cert.pem\nsmtpd_tls_key_file=/etc/postfix/key.pem\nsmtpd_tls_security_level=may",
      "/etc/postfix/cert.pem"
    ),
    (
      .postfix, "/etc/postfix/main.cf", "smtpd_tls_chain_files =  /etc/postfix/both.pem",
      "/etc/postfix/both.pem"
    ),
    (
      .dovecot, "/etc/dovecot/conf.d/10-ssl.conf",
      "ssl = yes\nssl_cert = </etc/dovecot/private/dovecot.pem\nssl_key = </etc/dovecot/private/dovecot.key",
      "/etc/dovecot/private/dovecot.pem"
    ),
    (
      .dovecot, "/etc/dovecot/dovecot.conf",
      "ssl_server_cert_file = /etc/ssl/mail.pem\nssl_server_key_file = /etc/ssl/mail.key", "/etc/ssl/mail.pem"
    ),
  ])
  func `what services are set up with becomes an inventory that applies`(
    kind: ToldByHost.Kind, path: String, text: String, certificateFile: String
  ) async throws {
    let scratch = try ScratchFolder()
    let pem = try await certificate("site.example", issuer: "R10", in: scratch)
    let host = Host(name: "web1", address: "192.0.2.1")
    var found = DiscoveredHost(host, survey: [ToldByHost(kind, path: path, text: text)])
    found.take([ToldByHost(.file, path: certificateFile, text: "-rw-r--r-- root root\n" + pem)])
    let fleet = DiscoveredFleet([found]).imported
    let file = try scratch.write("found.json5", fleet.inventory(from: "web1"))
    let declared = try InventoryFiles.read([file], beside: FleetDeclaration(hosts: [host]))
    let deployment = try #require(declared.lineages.first?.deployments.first, "\(fleet.noteLines)")
    #expect(declared.lineages.count == 1 && declared.lineages[0].domains == ["site.example"])
    #expect(deployment.files.first?.path == certificateFile)
    #expect(
      deployment.hooks.deploy.map(\.command) == ["@\(kind.rawValue)"] || deployment.hooks.deploy.count == 1)
  }

  @Test(arguments: [
    (
      "authenticator = webroot\nwebroot_path = /var/www/html,\n",
      "challenge: { type: \"http-01\", via: \"hosts\", webroot: \"/var/www/html\" },"
    ),
    (
      "authenticator = dns-cloudflare\ndns_cloudflare_credentials = /root/cf.ini\n",
      "challenge: { type: \"dns-01\", provider: \"cloudflare\" },"
    ),
    (
      "authenticator = dns-rfc2136\n",
      "// certbot proved it by its plugin 'dns-rfc2136': say how it is proven here."
    ),
    ("authenticator = nginx\n", "// it was proven at port 80 of the host; by the web server there:"),
    (
      "authenticator = standalone\nrenew_hook = systemctl reload nginx\n",
      "hooks: { deploy: [\"systemctl reload nginx\"] }"
    ),
    (
      "authenticator = nginx\npre_hook = \"service x stop\"\n",
      "//   web1: site.example: certbot runs its pre_hook service x stop, which is not written here"
    ),
  ])
  func `what certbot's renewal says is taken, or told`(conf: String, said: String) async throws {
    let scratch = try ScratchFolder()
    let pem = try await certificate("site.example", issuer: "R10", in: scratch)
    let live = "/etc/letsencrypt/live/site.example/cert.pem"
    let host = Host(name: "web1", address: "192.0.2.1")
    var found = DiscoveredHost(
      host,
      survey: [
        ToldByHost(
          .certbot, path: "/etc/letsencrypt/renewal/site.example.conf", text: "cert = \(live)\n" + conf)
      ])
    found.take([ToldByHost(.file, path: live, text: "-rw-r--r-- root root\n" + pem)])
    let text = DiscoveredFleet([found]).imported.inventory(from: "web1")
    #expect(text.contains(said), "\(text)")
    let file = try scratch.write("found.json5", text)
    let declared = try InventoryFiles.read([file], beside: FleetDeclaration())
    #expect(declared.lineages.count == 1)
  }

  @Test func `a link to certbot's is left as it is, any other is written where it leads`() async throws {
    let scratch = try ScratchFolder()
    let pem = try await certificate("site.example", issuer: "R10", in: scratch)
    let host = Host(name: "web1", address: "192.0.2.1")
    func inventory(_ survey: [ToldByHost], link: String) -> String {
      var found = DiscoveredHost(host, survey: survey)
      found.take([
        ToldByHost(
          .file, path: "/etc/nginx/site.pem", text: "-rw-r--r-- root root \(link)/fullchain1.pem\n" + pem),
        ToldByHost(.file, path: "/etc/nginx/site.key", text: "-rw-r----- root www \(link)/privkey1.pem\n"),
        ToldByHost(
          .file, path: "/etc/letsencrypt/live/site.example/cert.pem",
          text: "-rw-r--r-- root root /etc/letsencrypt/archive/site.example/cert1.pem\n" + pem),
      ])
      return DiscoveredFleet([found]).imported.inventory(from: "web1")
    }
    let nginx = ["nginx", "apache"].map { service in
      ToldByHost(
        service == "nginx" ? .nginx : .apache, path: "/etc/x",
        text: service == "nginx"
          ? "ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.key;"
          : "SSLCertificateFile /etc/nginx/site.pem\nSSLCertificateKeyFile /etc/nginx/site.key")
    }
    let certbot = ToldByHost(
      .certbot, path: "/etc/letsencrypt/renewal/site.example.conf",
      text: "cert = /etc/letsencrypt/live/site.example/cert.pem\nauthenticator = nginx\n")
    let taken = inventory(nginx + [certbot], link: "/etc/letsencrypt/archive/site.example")
    #expect(!taken.contains("files:") && taken.contains("take_over"), "\(taken)")
    let elsewhere = inventory(nginx, link: "/srv/tls")
    #expect(
      elsewhere.contains(
        "files: [{ format: \"pem\", path: \"/srv/tls/fullchain1.pem\", key_path: \"/srv/tls/privkey1.pem\", group: \"www\", mode: \"0640\" }], hooks: { deploy: [\"@apache\", \"@nginx\"] }"
      ), "\(elsewhere)")
  }

  /// - Returns: a certificate in PEM, of a CA of that name.
  private func certificate(_ name: String, issuer: String, in scratch: ScratchFolder) async throws -> String {
    let folder = scratch.path + "/" + UUID().uuidString
    try Files.makeFolder(folder)
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    let openssl = try Program.find("openssl")
    try await Program.succeed(
      openssl,
      ["req", "-x509", "-subj", "/CN=\(issuer)", "-keyout", folder + "/ca.key", "-out", folder + "/ca.pem"]
        + key)
    try await Program.succeed(
      openssl,
      [
        "req", "-x509", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout",
        folder + "/key", "-out", folder + "/cert", "-CA", folder + "/ca.pem", "-CAkey", folder + "/ca.key",
      ] + key)
    return Files.read(folder + "/cert")
  }
}

import Fleet
import Testing

@Suite struct WhyItFailedTests {
  /// What real programs print, and the line of it that says why.
  private static let table: [(name: String, stderr: String, stdout: String, why: String)] = [
    (
      "nginx -t",
      """
      nginx: [emerg] cannot load certificate "/etc/certfleet/live/x/fullchain.pem": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory)
      nginx: configuration file /etc/nginx/nginx.conf test failed
      """, "",
      "nginx: [emerg] cannot load certificate \"/etc/certfleet/live/x/fullchain.pem\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory)"
    ),
    (
      "apache2ctl configtest",
      """
      AH00526: Syntax error on line 3 of /etc/apache2/sites-enabled/000.conf:
      SSLCertificateFile: file '/x.pem' does not exist or is empty
      Action 'configtest' failed.
      The Apache error log may have more information.
      """, "", "AH00526: Syntax error on line 3 of /etc/apache2/sites-enabled/000.conf:"
    ),
    (
      "haproxy -c",
      """
      [NOTICE]   (31) : haproxy version is 2.6.12
      [ALERT]    (31) : config : parsing [/etc/haproxy/haproxy.cfg:9] : 'bind :443' : unable to stat SSL certificate from file '/x.pem' : No such file or directory.
      [ALERT]    (31) : config : Fatal errors found in configuration.
      """, "",
      "[ALERT]    (31) : config : parsing [/etc/haproxy/haproxy.cfg:9] : 'bind :443' : unable to stat SSL certificate from file '/x.pem' : No such file or directory."
    ),
    (
      "postfix reload", "postfix/postfix-script: fatal: the Postfix mail system is not running", "",
      "postfix/postfix-script: fatal: the Postfix mail system is not running"
    ),
    (
      "doveconf",
      "doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 9: ssl_cert: Can't open file /x.pem: No such file or directory",
      "",
      "doveconf: Fatal: Error in configuration file /etc/dovecot/dovecot.conf line 9: ssl_cert: Can't open file /x.pem: No such file or directory"
    ),
    (
      "systemctl reload",
      """
      Job for nginx.service failed because the control process exited with error code.
      See "systemctl status nginx.service" and "journalctl -xeu nginx.service" for details.
      """, "", "Job for nginx.service failed because the control process exited with error code."
    ),
    (
      "docker kill", "Error response from daemon: Cannot kill container: web: No such container: web", "",
      "Error response from daemon: Cannot kill container: web: No such container: web"
    ),
    (
      "rndc", "rndc: connect failed: 127.0.0.1#953: connection refused", "",
      "rndc: connect failed: 127.0.0.1#953: connection refused"
    ),
    ("stdout alone", "", "checking\nthe disk is full\n", "checking | the disk is full"),
    ("nothing", "", "", ""),
    ("no such word", "one\ntwo\nthree\nfour\n", "error on stdout", "two | three | four"),
  ]

  @Test(arguments: Self.table.map(\.name))
  func `of what a hook prints the line is shown that says why`(name: String) throws {
    let row = try #require(Self.table.first { $0.name == name })
    let result = StepResult(
      step: .deploy, outcome: .exited(1),
      stdout: CapturedOutput(text: row.stdout, totalBytes: row.stdout.utf8.count),
      stderr: CapturedOutput(text: row.stderr, totalBytes: row.stderr.utf8.count))
    #expect(result.whyItFailed == row.why)
  }
}

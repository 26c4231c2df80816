/// A file on a host, with the lines of it that were asked for. It comes from the host, so nothing about it is believed.
package struct ToldByHost: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Lines of a service's configuration.
    case nginx, apache, haproxy, postfix, dovecot
    /// What another client of CAs keeps of a certificate.
    case certbot, dehydrated
    case acmeSh = "acme.sh"
    /// Lines of proc(5)'s `net/tcp` and `net/tcp6`.
    case listening
    /// Mode, owner and group, and the certificate where one was asked for.
    case file
    case unreadable
    /// There is more than was told.
    case tooLong = "too_long"
  }

  package let kind: Kind
  package let path: String
  package let text: String

  package init(_ kind: Kind, path: String, text: String) {
    (self.kind, self.path, self.text) = (kind, path, text)
  }

  /// - Parameter payload: the path, a newline, and the text.
  package init(_ kind: Kind, _ payload: String) {
    let parts = payload.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(kind, path: String(parts[0]), text: parts.count > 1 ? String(parts[1]) : "")
  }
}

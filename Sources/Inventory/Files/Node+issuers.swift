import Fleet
import Foundation

extension Node {
  private enum IssuerType: String, CaseIterable { case acme }

  func issuer() -> Issuer? {
    object { fields in
      let name = fields.required("name")?.name()
      let type = fields["type"].map { $0.choice(IssuerType.self) } ?? .acme
      let directory = fields.required("directory")?.directory()
      let contact = fields["contact"]?.listOrOne().compactMap { $0.contact() }
      let agrees = fields["agree_to_terms"]?.bool() ?? false
      let caFile = fields["ca_file"]?.caFile()
      if !agrees, name != nil {
        fields.node.fail("'agree_to_terms' is missing; read the CA's terms of service and set it to true")
      }
      guard let name, type != nil, let directory else { return nil }
      return Issuer(
        name: Issuer.Name(name), directory: directory, contact: contact ?? [], agreesToTerms: agrees,
        caFile: caFile)
    }
  }

  private func directory() -> String? {
    guard let text = string() else { return nil }
    guard let url = URL(string: text), let scheme = url.scheme, url.host?.isEmpty == false else {
      return refuse("\(value.shown) is not a URL")
    }
    guard scheme == "https" else {
      return refuse("\(value.shown) is not an https URL; RFC 8555 §6.1 demands https")
    }
    return text
  }

  private func contact() -> String? {
    guard let text = string() else { return nil }
    guard text.wholeMatch(of: /mailto:[^@\s]+@[^@\s]+/) != nil else {
      let hint = text.contains("@") && !text.hasPrefix("mailto:") ? "; write 'mailto:\(text.visible)'" : ""
      return refuse("\(value.shown) is not a mailto: address\(hint)")
    }
    return text
  }

  private func caFile() -> String? {
    guard let typed = localPath() else { return nil }
    let path = typed.hasPrefix("~/") ? NSHomeDirectory() + typed.dropFirst() : typed
    guard FileManager.default.isReadableFile(atPath: path) else {
      return refuse(
        "\(value.shown) cannot be read; expected a PEM file with the CA of the directory's certificate")
    }
    return path
  }
}

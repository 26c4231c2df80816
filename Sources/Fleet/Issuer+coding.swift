/// JSON as the inventory has it: flat, the kind by its `type`.
extension Issuer {
  private enum Key: String, CodingKey { case name, type }
  private enum TypeName: String, Codable { case acme, certbot, files }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    name = try values.decode(Name.self, forKey: .name)
    switch try values.decode(TypeName.self, forKey: .type) {
    case .acme: source = .acme(try ACMEAuthority(from: decoder))
    case .certbot: source = .certbot(try CertbotFolder(from: decoder))
    case .files: source = .files
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(name, forKey: .name)
    switch source {
    case .acme(let authority):
      try values.encode(TypeName.acme, forKey: .type)
      try authority.encode(to: encoder)
    case .certbot(let folder):
      try values.encode(TypeName.certbot, forKey: .type)
      try folder.encode(to: encoder)
    case .files: try values.encode(TypeName.files, forKey: .type)
    }
  }
}

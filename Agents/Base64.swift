import Foundation

/// RFC 4648 §4, one line, as `base64 -d` reads it everywhere.
public enum Base64 {
  public static func encode(_ bytes: some Sequence<UInt8>) -> String { Data(bytes).base64EncodedString() }
}

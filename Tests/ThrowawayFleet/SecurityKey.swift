import Foundation

/// A FIDO token of software with a key of its own, by the interface at which OpenSSH speaks to tokens (PROTOCOL.u2f, sk-api.h).
package enum SecurityKey {
  /// Makes the token and an ecdsa-sk key in it.
  ///
  /// - Parameter path: of the private key's file, which names the key in the token.
  /// - Returns: the token, for ssh_config's SecurityKeyProvider.
  package static func make(at path: String) async throws -> String {
    let (source, library) = (path + ".c", path + ".so")
    try Files.write(source, token)
    try await Program.succeed(
      try Program.find("cc"), ["-shared", "-fPIC", "-o", library, source, "-lcrypto"])
    try await Program.succeed(
      try Program.find("ssh-keygen"), ["-q", "-t", "ecdsa-sk", "-w", library, "-N", "", "-f", path])
    return library
  }

  private static let token =
    #"""
    // A FIDO token of software, for ssh's middleware interface (OpenSSH, PROTOCOL.u2f and sk-api.h): ECDSA, always touched.
    #include <openssl/bn.h>
    #include <openssl/ec.h>
    #include <openssl/ecdsa.h>
    #include <openssl/evp.h>
    #include <openssl/sha.h>
    #include <openssl/x509.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    struct enrolled {
      uint8_t flags;
      uint8_t *public_key; size_t public_key_len;
      uint8_t *key_handle; size_t key_handle_len;
      uint8_t *signature; size_t signature_len;
      uint8_t *attestation_cert; size_t attestation_cert_len;
      uint8_t *authdata; size_t authdata_len;
    };
    struct signed_data {
      uint8_t flags;
      uint32_t counter;
      uint8_t *sig_r; size_t sig_r_len;
      uint8_t *sig_s; size_t sig_s_len;
    };

    uint32_t sk_api_version(void) { return 0x000a0000; }

    int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags, const char *pin,
                  void **options, struct enrolled **response) {
      struct enrolled *r = calloc(1, sizeof *r);
      EVP_PKEY *key = EVP_EC_gen("P-256");
      if (alg != 0 || r == NULL || key == NULL) return -1;
      r->public_key = malloc(65);
      EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", r->public_key, 65, &r->public_key_len);
      // Whoever has the handle has the key: this token keeps nothing.
      int size = i2d_PrivateKey(key, &r->key_handle);
      r->key_handle_len = size;
      r->signature = calloc(1, 1);
      r->attestation_cert = calloc(1, 1);
      r->authdata = calloc(1, 1);
      r->flags = flags;
      *response = r;
      return 0;
    }

    int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *handle, size_t handle_len,
                uint8_t flags, const char *pin, void **options, struct signed_data **response) {
      struct signed_data *r = calloc(1, sizeof *r);
      EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &handle, handle_len);
      if (r == NULL || key == NULL) return -1;
      r->flags = flags | 0x01;
      r->counter = 1;
      uint8_t message[32 + 1 + 4 + 32], der[128];
      SHA256((const uint8_t *)application, strlen(application), message);
      message[32] = r->flags;
      memcpy(message + 33, (uint8_t[]){0, 0, 0, 1}, 4);
      SHA256(data, data_len, message + 37);
      size_t size = sizeof der;
      EVP_MD_CTX *context = EVP_MD_CTX_new();
      if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
          EVP_DigestSign(context, der, &size, message, sizeof message) != 1)
        return -1;
      const uint8_t *start = der;
      ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &start, size);
      r->sig_r_len = BN_num_bytes(ECDSA_SIG_get0_r(pair));
      r->sig_s_len = BN_num_bytes(ECDSA_SIG_get0_s(pair));
      r->sig_r = malloc(r->sig_r_len);
      r->sig_s = malloc(r->sig_s_len);
      BN_bn2bin(ECDSA_SIG_get0_r(pair), r->sig_r);
      BN_bn2bin(ECDSA_SIG_get0_s(pair), r->sig_s);
      *response = r;
      return 0;
    }

    int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
      *count = 0;
      return 0;
    }

    """#
}

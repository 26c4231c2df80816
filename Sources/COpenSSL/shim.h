#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Function-like macros and variadic functions, which Swift cannot import, under names of our own.

static inline EVP_PKEY *certfleet_generate_ec(const char *curve) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

static inline EVP_PKEY *certfleet_generate_rsa(size_t bits) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
}

static inline long certfleet_bio_bytes(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

static inline long certfleet_set_server_name(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name);
}

static inline long certfleet_set_signature_algorithms(SSL *ssl, const char *list) {
  return SSL_set1_sigalgs_list(ssl, list);
}

static inline int certfleet_gcm_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
  return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag);
}

static inline int certfleet_gcm_expect_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
  return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag);
}

static inline int certfleet_count_names(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline GENERAL_NAME *certfleet_name_at(const GENERAL_NAMES *names, int index) {
  return sk_GENERAL_NAME_value(names, index);
}

// The value of a name that is an IA5 string (a DNS name) or an address; any other kind is NULL.
static inline const ASN1_STRING *certfleet_name_value(const GENERAL_NAME *name) {
  if (name->type == GEN_DNS) return name->d.dNSName;
  if (name->type == GEN_IPADD) return name->d.iPAddress;
  return NULL;
}

static inline int certfleet_name_is_address(const GENERAL_NAME *name) { return name->type == GEN_IPADD; }

static inline int certfleet_is_rsa(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "RSA"); }

static inline int certfleet_is_ec(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "EC"); }

static inline int certfleet_name_is_dns(const GENERAL_NAME *name) { return name->type == GEN_DNS; }

static inline int certfleet_add_extension(X509_REQ *request, X509_EXTENSION *extension) {
  STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
  if (!all) return 0;
  int added = sk_X509_EXTENSION_push(all, extension) > 0 && X509_REQ_add_extensions(request, all);
  sk_X509_EXTENSION_free(all);
  return added;
}

static inline STACK_OF(X509) *certfleet_new_certificates(void) { return sk_X509_new_null(); }

static inline int certfleet_push_certificate(STACK_OF(X509) *all, X509 *certificate) {
  return sk_X509_push(all, certificate) > 0;
}

static inline void certfleet_free_certificates(STACK_OF(X509) *all) { sk_X509_free(all); }

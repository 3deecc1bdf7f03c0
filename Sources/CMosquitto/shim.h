// libmosquitto has no module map. Its own TLS set-up reports a refused certificate only as "certificate verify failed" and
// cannot verify a name other than the address it was given; therefore the TLS context is made here, with OpenSSL's macros and
// callbacks, which Swift cannot import. Can go when libmosquitto says why it refused.
#pragma once
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

// Why the broker's certificate was refused; `error` is 0 (X509_V_OK) until it is. The name that the client asks for goes with it.
struct fwoc_tls_verdict {
    int error;
    char subject[256];
    char server_name[256];
};

enum fwoc_tls_stage { FWOC_TLS_READY, FWOC_TLS_CONTEXT, FWOC_TLS_CA, FWOC_TLS_CERTIFICATE, FWOC_TLS_KEY, FWOC_TLS_PAIR, FWOC_TLS_HOST };

static inline int fwoc_tls_verify(int ok, X509_STORE_CTX *store) {
    if (ok) return ok;
    SSL *ssl = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct fwoc_tls_verdict *verdict = ssl ? (struct fwoc_tls_verdict *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)) : NULL;
    if (verdict && verdict->error == 0) {
        verdict->error = X509_STORE_CTX_get_error(store);
        X509 *certificate = X509_STORE_CTX_get_current_cert(store);
        if (certificate) X509_NAME_oneline(X509_get_subject_name(certificate), verdict->subject, sizeof verdict->subject);
    }
    return ok;
}

// libmosquitto is given an address, and would ask for a certificate of that. An address itself has no server name.
static inline void fwoc_tls_before_handshake(const SSL *ssl, int where, int value) {
    (void)value;
    if (!(where & SSL_CB_HANDSHAKE_START)) return;
    struct fwoc_tls_verdict *verdict = (struct fwoc_tls_verdict *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_set_tlsext_host_name((SSL *)ssl, verdict->server_name[0] ? verdict->server_name : NULL);
}

// A service has no terminal to ask for a key's passphrase on.
static inline int fwoc_tls_no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return 0;
}

// A client's context that verifies the chain and the host's name or address. NULL: `stage` says what failed, `reason` why.
// Without `ca_file` the system's authorities are trusted. The verdict must outlive the context.
static inline SSL_CTX *fwoc_tls_new(
    const char *host, const char *ca_file, const char *cert_file, const char *key_file, struct fwoc_tls_verdict *verdict,
    enum fwoc_tls_stage *stage, char *reason, size_t reason_size
) {
    ERR_clear_error();
    *stage = FWOC_TLS_CONTEXT;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) goto failed;
    SSL_CTX_set_app_data(context, verdict);
    SSL_CTX_set_default_passwd_cb(context, fwoc_tls_no_passphrase);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION)) goto failed;
    *stage = FWOC_TLS_CA;
    if (ca_file ? !SSL_CTX_load_verify_locations(context, ca_file, NULL) : !SSL_CTX_set_default_verify_paths(context)) goto failed;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, fwoc_tls_verify);
    *stage = FWOC_TLS_CERTIFICATE;
    if (cert_file && SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) goto failed;
    *stage = FWOC_TLS_KEY;
    if (key_file && SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) goto failed;
    *stage = FWOC_TLS_PAIR;
    if (cert_file && SSL_CTX_check_private_key(context) != 1) goto failed;
    *stage = FWOC_TLS_HOST;
    X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!X509_VERIFY_PARAM_set1_ip_asc(parameters, host)) {
        if (!X509_VERIFY_PARAM_set1_host(parameters, host, 0)) goto failed;
        snprintf(verdict->server_name, sizeof verdict->server_name, "%s", host);
    }
    SSL_CTX_set_info_callback(context, fwoc_tls_before_handshake);
    ERR_clear_error();
    *stage = FWOC_TLS_READY;
    return context;
failed:;
    unsigned long error = ERR_peek_last_error();
    const char *text = error ? ERR_reason_error_string(error) : NULL;
    snprintf(reason, reason_size, "%s", text ? text : "no reason given");
    ERR_clear_error();
    if (context) SSL_CTX_free(context);
    return NULL;
}

// "TLSv1.3", or NULL without TLS.
static inline const char *fwoc_tls_version(struct mosquitto *client) {
    SSL *ssl = (SSL *)mosquitto_ssl_get(client);
    return ssl ? SSL_get_version(ssl) : NULL;
}

static inline const char *fwoc_tls_verdict_text(const struct fwoc_tls_verdict *verdict) {
    return X509_verify_cert_error_string(verdict->error);
}

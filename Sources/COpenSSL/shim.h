// OpenSSL's libcrypto has no module map. Used for SHA-256 of model files: the library is on every Debian machine, so
// nothing has to be built for it.
#pragma once
#include <openssl/evp.h>

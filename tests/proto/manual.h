/*
 * The list of keys in a config's man page, made from the tables.
 */
#pragma once

#include "proto/config.h"

/* Writes it as mdoc; instance: what [name "…"] has in its quotes. */
void manual_write_keys(FILE *out, const struct config_section *const *sections,
                       const char *instance);

#include "proto/parse.h"

#include "proto/formats/ninjs.h"

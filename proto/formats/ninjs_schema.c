#include "proto/formats/ninjs_schema.h"

enum { V1 = NINJS_1, V2 = NINJS_2, V3 = NINJS_3, V12 = V1 | V2, V23 = V2 | V3, ALL = V1 | V2 | V3 };

#define TEXTS(n, v)                                                                                \
    { .name = n, .type = TEXT, .families = v }
#define NUMBERS(n, v)                                                                              \
    { .name = n, .type = NUMBER, .families = v }
#define INTEGERS(n, v)                                                                             \
    { .name = n, .type = INTEGER, .families = v }
#define RANGE(n, v, a, b)                                                                          \
    { .name = n, .type = INTEGER, .families = v, .least = a, .most = b }
#define WORDS(n, v, w)                                                                             \
    { .name = n, .type = WORD, .families = v, .words = w }
#define DATES(n, v)                                                                                \
    { .name = n, .type = DATE, .families = v }
#define OF(t, n, v, s)                                                                             \
    { .name = n, .type = t, .families = v, .shape = s }

static const char statuses[] = "usable|withheld|canceled|";
static const char item_types[] =
    "text|audio|video|picture|graphic|composite|component|event|planning|";

/* ---- what stands within an item's properties */

static const struct shape any_object = {.properties = (const struct property[]){{0}}, .open = true};

/* RFC 7946, section 1.4. */
static const struct shape geo_json = {
    .properties =
        (const struct property[]){
            WORDS("type", ALL,
                  "Point|MultiPoint|LineString|MultiLineString|Polygon|MultiPolygon|"
                  "GeometryCollection|Feature|FeatureCollection|"),
            {0}},
    .required = {"type"},
    .open = true,
};

static const struct shape standard = {
    .properties = (const struct property[]){
        TEXTS("name", ALL), TEXTS("version", ALL), TEXTS("schema", ALL), {0}}};

static const struct shape address = {.properties =
                                         (const struct property[]){OF(LIST, "lines", ALL, NULL),
                                                                   TEXTS("locality", ALL),
                                                                   TEXTS("area", ALL),
                                                                   TEXTS("postalcode", V12),
                                                                   TEXTS("postalCode", V3),
                                                                   TEXTS("country", ALL),
                                                                   {0}}};

static const struct shape contact = {
    .properties = (const struct property[]){TEXTS("type", ALL),
                                            TEXTS("role", ALL),
                                            TEXTS("lang", ALL),
                                            TEXTS("name", ALL),
                                            TEXTS("value", ALL),
                                            OF(OBJECT, "address", ALL, &address),
                                            {0}},
    .either = {"value", "address"},
};

static const struct shape symbol = {.properties =
                                        (const struct property[]){TEXTS("ticker", V12),
                                                                  TEXTS("exchange", ALL),
                                                                  TEXTS("symbol", ALL),
                                                                  TEXTS("symboltype", V12),
                                                                  TEXTS("symbolType", V3),
                                                                  {0}}};

/* A person, an organisation, a place, a source, a subject, ... of any version. */
static const struct shape concept = {.properties = (const struct property[]){TEXTS("name", ALL),
                                                                             TEXTS("rel", ALL),
                                                                             TEXTS("scheme", V1),
                                                                             TEXTS("code", V1),
                                                                             TEXTS("uri", V23),
                                                                             TEXTS("literal", V23),
                                                                             {0}}};

static const struct shape party = {
    .properties = (const struct property[]){TEXTS("name", ALL),
                                            TEXTS("rel", ALL),
                                            TEXTS("scheme", V1),
                                            TEXTS("code", V1),
                                            TEXTS("uri", V23),
                                            TEXTS("literal", V23),
                                            OF(LIST, "contactinfo", V12, &contact),
                                            OF(LIST, "contactInfo", V3, &contact),
                                            OF(LIST, "symbols", ALL, &symbol),
                                            {0}}};

static const struct shape source = {
    .properties = (const struct property[]){TEXTS("name", ALL),
                                            TEXTS("rel", V1),
                                            TEXTS("role", V23),
                                            TEXTS("scheme", V1),
                                            TEXTS("code", V1),
                                            TEXTS("uri", V23),
                                            TEXTS("literal", V23),
                                            OF(LIST, "contactinfo", V12, &contact),
                                            OF(LIST, "contactInfo", V3, &contact),
                                            {0}}};

static const struct shape place = {
    .properties = (const struct property[]){TEXTS("name", ALL),
                                            TEXTS("rel", ALL),
                                            TEXTS("scheme", V1),
                                            TEXTS("code", V1),
                                            TEXTS("uri", V23),
                                            TEXTS("literal", V23),
                                            OF(LIST, "contactinfo", V12, &contact),
                                            OF(LIST, "contactInfo", V3, &contact),
                                            OF(OBJECT, "geometry_*", V1, &any_object),
                                            OF(OBJECT, "geojson", V2, &geo_json),
                                            OF(OBJECT, "geoJSON", V3, &geo_json),
                                            {0}}};

static const struct shape subject = {.properties =
                                         (const struct property[]){TEXTS("name", ALL),
                                                                   TEXTS("rel", ALL),
                                                                   TEXTS("scheme", V1),
                                                                   TEXTS("code", V1),
                                                                   TEXTS("uri", V23),
                                                                   TEXTS("literal", V23),
                                                                   TEXTS("creator", ALL),
                                                                   RANGE("relevance", ALL, 0, 100),
                                                                   RANGE("confidence", ALL, 0, 100),
                                                                   {0}}};

static const struct shape event = {.properties = (const struct property[]){TEXTS("id", V3),
                                                                           TEXTS("name", ALL),
                                                                           TEXTS("rel", ALL),
                                                                           TEXTS("scheme", V1),
                                                                           TEXTS("code", V1),
                                                                           TEXTS("uri", V23),
                                                                           TEXTS("literal", V23),
                                                                           {0}}};

static const struct shape trust = {.properties = (const struct property[]){TEXTS("scheme", V1),
                                                                           TEXTS("code", V1),
                                                                           TEXTS("role", V23),
                                                                           TEXTS("title", ALL),
                                                                           TEXTS("href", ALL),
                                                                           {0}}};

static const struct shape alt_id = {
    .properties = (const struct property[]){TEXTS("role", ALL), TEXTS("value", ALL), {0}}};

static const struct shape worded = {
    .properties = (const struct property[]){TEXTS("role", ALL),
                                            TEXTS("contenttype", V2),
                                            TEXTS("contentType", V3),
                                            TEXTS("value", ALL),
                                            NUMBERS("charcount", V2),
                                            NUMBERS("wordcount", V2),
                                            INTEGERS("charCount", V3),
                                            INTEGERS("wordCount", V3),
                                            {0}},
    .required = {"value"},
};

static const struct shape digital_source = {
    .properties = (const struct property[]){
        TEXTS("name", ALL), TEXTS("uri", ALL), TEXTS("literal", ALL), {0}}};

static const struct shape rights = {
    .properties =
        (const struct property[]){
            TEXTS("langid", V12), TEXTS("linkedrights", V12), TEXTS("encodedrights", V12), {0}},
    .either = {"linkedrights", "encodedrights"},
};

static const struct shape rights_3 = {
    .properties =
        (const struct property[]){
            TEXTS("langId", V3), TEXTS("linkedRights", V3), TEXTS("encodedRights", V3), {0}},
    .either = {"linkedRights", "encodedRights"},
};

static const struct shape point = {
    .properties = (const struct property[]){INTEGERS("x", V3), INTEGERS("y", V3), {0}}};

static const struct property rendition_properties[] = {
    TEXTS("name", V23),
    TEXTS("href", ALL),
    TEXTS("title", ALL),
    TEXTS("mimetype", V1),
    TEXTS("contenttype", V2),
    TEXTS("contentType", V3),
    NUMBERS("width", ALL),
    NUMBERS("height", ALL),
    NUMBERS("sizeinbytes", V12),
    INTEGERS("sizeInBytes", V3),
    NUMBERS("duration", ALL),
    TEXTS("format", ALL),
    TEXTS("aspectRatio", V3),
    TEXTS("videoCodec", V3),
    NUMBERS("frameRate", V3),
    OF(OBJECT, "poi", V3, &point),
    TEXTS("transportProtocol", V3),
    WORDS("scanType", V3, "progressive|interlaced|"),
    TEXTS("bitrate", V3),
    {0}};

static const struct shape rendition = {.properties = rendition_properties};

static const struct shape rendition_named = {
    .properties = rendition_properties,
    .required = {"name"},
};

/* ---- events and plans, of 3.x */

static const struct shape recurrence_rule = {
    .properties =
        (const struct property[]){
            WORDS("frequency", V3, "secondly|minutely|hourly|daily|weekly|monthly|yearly|"),
            INTEGERS("interval", V3),
            TEXTS("until", V3),
            INTEGERS("count", V3),
            {0}},
};

static const struct shape recurrence = {
    .properties = (const struct property[]){OF(LIST, "recurrenceDates", V3, NULL),
                                            OF(LIST, "recurrenceRules", V3, &recurrence_rule),
                                            {0}}};

static const struct shape dates = {
    .properties = (const struct property[]){TEXTS("startDate", V3),
                                            TEXTS("endDate", V3),
                                            DATES("expectedStartDate", V3),
                                            DATES("expectedEndDate", V3),
                                            TEXTS("expectedDuration", V3),
                                            OF(OBJECT, "recurrence", V3, &recurrence),
                                            {0}},
    .either = {"startDate", "expectedStartDate", "endDate", "expectedEndDate"},
};

static const struct shape event_details = {
    .properties = (const struct property[]){TEXTS("eventStatus", V3),
                                            TEXTS("plannedCoverageStatus", V3),
                                            OF(OBJECT, "dates", V3, &dates),
                                            OF(OBJECT, "organiser", V3, &party),
                                            {0}}};

static const struct shape commissioned = {
    .properties = (const struct property[]){
        TEXTS("by", V3), TEXTS("on", V3), OF(LIST, "references", V3, &any_object), {0}}};

static const struct shape audience = {
    .properties =
        (const struct property[]){TEXTS("audience", V3), INTEGERS("significance", V3), {0}}};

static const struct shape item_count = {
    .properties =
        (const struct property[]){INTEGERS("rangeFrom", V3), INTEGERS("rangeTo", V3), {0}}};

static const struct shape planned = {
    .properties = (const struct property[]){TEXTS("uri", V3),
                                            TEXTS("title", V3),
                                            WORDS("pubStatus", V3, statuses),
                                            WORDS("type", V3, item_types),
                                            OF(OBJECT, "commissioned", V3, &commissioned),
                                            OF(OBJECT, "dates", V3, &dates),
                                            OF(LIST, "audiences", V3, &audience),
                                            OF(LIST, "exclAudience", V3, NULL),
                                            TEXTS("edNote", V3),
                                            RANGE("urgency", V3, 1, 9),
                                            TEXTS("language", V3),
                                            OF(OBJECT, "itemCount", V3, &item_count),
                                            INTEGERS("wordCount", V3),
                                            OF(LIST, "renditions", V3, &rendition_named),
                                            {0}},
};

/* ---- the item */

static const struct shape association, association_named;

static const struct property item_properties[] = {
    TEXTS("uri", ALL),
    WORDS("type", ALL, item_types),
    TEXTS("version", ALL),
    TEXTS("profile", ALL),
    TEXTS("language", ALL),
    TEXTS("located", ALL),
    TEXTS("title", ALL),
    TEXTS("slugline", ALL),
    TEXTS("expires", ALL),
    RANGE("urgency", ALL, 1, 9),
    WORDS("representationtype", V12, "complete|incomplete|full|partial|"),
    WORDS("representationType", V3, "full|partial|"),
    TEXTS("firstcreated", V12),
    TEXTS("firstCreated", V3),
    TEXTS("versioncreated", V12),
    TEXTS("versionCreated", V3),
    TEXTS("contentcreated", V12),
    TEXTS("contentCreated", V3),
    TEXTS("embargoed", V12),
    TEXTS("embargoedUntil", V3),
    WORDS("pubstatus", V12, statuses),
    WORDS("pubStatus", V3, statuses),
    TEXTS("copyrightholder", V12),
    TEXTS("copyrightHolder", V3),
    TEXTS("copyrightnotice", V12),
    TEXTS("copyrightNotice", V3),
    TEXTS("usageterms", V12),
    TEXTS("usageTerms", V3),
    TEXTS("ednote", V12),
    TEXTS("edNote", V3),
    TEXTS("mimetype", V1),
    TEXTS("byline", V1),
    TEXTS("by", V23),
    TEXTS("headline", V1),
    TEXTS("headline_*", V1),
    TEXTS("body_*", V1),
    TEXTS("description_*", V1),
    OF(LIST, "headlines", V23, &worded),
    OF(LIST, "bodies", V23, &worded),
    OF(LIST, "descriptions", V23, &worded),
    NUMBERS("charcount", V1),
    NUMBERS("wordcount", V1),
    OF(LIST, "subject", V1, &subject),
    OF(LIST, "subjects", V23, &subject),
    OF(LIST, "genre", V1, &concept),
    OF(LIST, "genres", V23, &concept),
    OF(LIST, "infosource", V1, &source),
    OF(LIST, "infosources", V2, &source),
    OF(LIST, "infoSources", V3, &source),
    OF(LIST, "person", V1, &party),
    OF(LIST, "people", V23, &party),
    OF(LIST, "organisation", V1, &party),
    OF(LIST, "organisations", V23, &party),
    OF(LIST, "place", V1, &place),
    OF(LIST, "places", V23, &place),
    OF(LIST, "event", V1, &event),
    OF(LIST, "events", V23, &event),
    OF(LIST, "object", V1, &concept),
    OF(LIST, "objects", V23, &concept),
    OF(MAP, "renditions", V1, &rendition),
    OF(LIST, "renditions", V23, &rendition_named),
    OF(MAP, "associations", V1, &association),
    OF(LIST, "associations", V23, &association_named),
    OF(OBJECT, "altids", V1, &any_object),
    OF(LIST, "altids", V2, &alt_id),
    OF(LIST, "altIds", V3, &alt_id),
    OF(LIST, "trustindicator", V1, &trust),
    OF(LIST, "trustindicators", V2, &trust),
    OF(LIST, "trustIndicators", V3, &trust),
    OF(OBJECT, "digitalsourcetype", V12, &digital_source),
    OF(OBJECT, "digitalSourceType", V3, &digital_source),
    OF(OBJECT, "rightsinfo", V12, &rights),
    OF(OBJECT, "rightsInfo", V3, &rights_3),
    OF(OBJECT, "$standard", V1, &standard),
    OF(OBJECT, "standard", V23, &standard),
    OF(OBJECT, "eventDetails", V3, &event_details),
    OF(LIST, "plannedCoverage", V3, &planned),
    {0},
};

/* What stands in an association besides. */
static const struct property association_properties[] = {
    TEXTS("name", V23),
    TEXTS("rel", V3),
    {0},
};

const struct shape ninjs_item = {.properties = item_properties, .required = {"uri"}};
static const struct shape association = {
    .properties = item_properties, .also = association_properties, .required = {"uri"}};
static const struct shape association_named = {
    .properties = item_properties, .also = association_properties, .required = {"uri", "name"}};

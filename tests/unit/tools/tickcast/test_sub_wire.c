// SPDX-License-Identifier: Apache-2.0
/* Goal: a subscription over gRPC, and the ends of its call. (test_ws_client has the other wire.) */
#include "tools/tickcast/sub_wire.h"

#include <stdlib.h>

#include "core/mem/mem.h"
#include "tests/unit/tools/tickcast/h2_frames.h"

static struct tc_sub sub;
static char *out_text;
static size_t out_len;

static void setup(void)
{
    char *names[] = { "ticker-A" };
    struct tc_err err;
    cr_assert_eq(tc_sub_init(&sub, names, 1, &err), TC_OK);
    sub.out = sub.note = open_memstream(&out_text, &out_len);
    sub.is_json = true;
}

static void teardown(void)
{
    fclose(sub.out);
    free(out_text);
    tc_sub_fini(&sub);
}

TestSuite(sub_wire, .init = setup, .fini = teardown);

/* Subscribes, pings and reads to the end; its code. */
static int use(const struct tc_sub_wire *wire, struct server *server)
{
    struct tc_err err = { 0 };
    void *conn = NULL;
    cr_assert_eq(wire->open(&conn, &server->to, &err), TC_OK, "%s", err.text);
    int rc = wire->subscribe(conn, &sub, &err);
    if (rc >= 0)
        rc = wire->ping(conn, &err);
    while (rc >= 0)
        rc = wire->read(conn, 2000, &sub, &err);
    wire->close(conn);
    fflush(sub.out);
    return rc;
}

static bool script_grpc(int fd)
{
    static const char update[] = "\0\0\0\0\x11\x0a\x0f\x0a\x08ticker-A\x10\x07\x42\x01"
                                 "1";
    static const char junk[] = "\0\0\0\0\1\xff";
    struct h2_frame frame;
    /* StreamRequest.subscribe of one room with snapshot, then the ping */
    if (!h2_begin(fd) || !h2_get_data(fd, &frame) || frame.len != 19 ||
        memcmp(frame.payload, "\0\0\0\0\x0e\x0a\x0c\x0a\x08ticker-A\x10\x01", 19) != 0 ||
        !h2_get_data(fd, &frame) || frame.len != 7 ||
        memcmp(frame.payload, "\0\0\0\0\2\x1a\0", 7) != 0)
        return false;
    return h2_answer(fd) && h2_put(fd, H2_DATA, 0, 1, update, sizeof(update) - 1) &&
           h2_put(fd, H2_DATA, 0, 1, junk, sizeof(junk) - 1) && h2_trailers(fd, "14", "bye") &&
           read_to_end(fd);
}

Test(sub_wire, grpc)
{
    /* Goal: commands of gRPC go out, events come in as messages, UNAVAILABLE asks for another try.
     */
    struct server server = serve(script_grpc);
    cr_assert_eq(use(&tc_sub_grpc, &server), -TC_ECLOSED);
    expect_good_end(&server);
    cr_assert_str_eq(out_text, "{\"event\":\"update\",\"room\":\"ticker-A\",\"pos\":7,"
                               "\"prev\":null,\"ts\":null,\"data\":1}\n");
    cr_assert_eq(sub.stats.update_cnt, 1u);
    cr_assert_eq(sub.stats.junk_cnt, 1u);
}

static bool script_no_service(int fd)
{
    struct h2_frame frame;
    return h2_begin(fd) && h2_get_data(fd, &frame) && h2_answer(fd) &&
           h2_trailers(fd, "12", "no such service") && read_to_end(fd);
}

Test(sub_wire, refused_for_good)
{
    /* Goal: a service that is not there is not asked again. */
    struct server server = serve(script_no_service);
    cr_assert_eq(use(&tc_sub_grpc, &server), -TC_ENOTSUP);
    expect_good_end(&server);
}

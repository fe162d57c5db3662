/* The bodies that the truth server sends, in three wire formats; `serial` stands where the input tokens are told, so
 * that a client which keeps only usage can be matched with the log, request by request. */
#ifndef LENS_GATE_SHAPES_H
#define LENS_GATE_SHAPES_H

#include "common.h"

typedef enum { OPENAI_CHAT, ANTHROPIC, GEMINI } Shape;

typedef struct {
    char bytes[8192];
    size_t size;
} Buffer;

__attribute__((format(printf, 2, 3))) static void put(Buffer *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    out->size += (size_t)vsnprintf(out->bytes + out->size, sizeof out->bytes - out->size, format, arguments);
    va_end(arguments);
    if (out->size >= sizeof out->bytes)
        die("a write is too large");
}

/* Put one server-sent event as one chunk of the body; `name` is NULL where events have none. */
__attribute__((format(printf, 3, 4))) static void put_event(Buffer *out, const char *name, const char *format, ...) {
    char data[1024], line[64] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(data, sizeof data, format, arguments);
    va_end(arguments);
    if (name)
        snprintf(line, sizeof line, "event: %s\n", name);
    put(out, "%zx\r\n%sdata: %s\n\n\r\n", strlen(line) + strlen(data) + 8, line, data);
}

#define CHAT "{\"id\":\"chatcmpl-%ld\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"truth\","
#define USAGE "\"usage\":{\"prompt_tokens\":%ld,\"completion_tokens\":%d,\"total_tokens\":%ld}}"
#define CANDIDATE "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%s\"}],\"role\":\"model\"},\"index\":0%s}],"
#define METADATA "\"usageMetadata\":{\"promptTokenCount\":%ld,\"candidatesTokenCount\":%d,\"totalTokenCount\":%ld},"

/* Answers are not one word over and over. */
static const char *const WORDS[] = {" the", " tide", " rises", ",", " and", " falls", " again", "."};

static void put_opening(Buffer *out, Shape shape, long serial) {
    put(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    if (shape == OPENAI_CHAT)
        put_event(out, NULL, CHAT "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                  "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}", serial);
    if (shape == ANTHROPIC) {
        put_event(out, "message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_%ld\",\"type\":"
                  "\"message\",\"role\":\"assistant\",\"model\":\"truth\",\"content\":[],\"stop_reason\":null,"
                  "\"stop_sequence\":null,\"usage\":{\"input_tokens\":%ld,\"output_tokens\":1}}}", serial, serial);
        put_event(out, "content_block_start", "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
                  "{\"type\":\"text\",\"text\":\"\"}}");
        put_event(out, "ping", "{\"type\":\"ping\"}");
    }
}

/* One token; `so_far` counts it. */
static void put_token(Buffer *out, Shape shape, long serial, int so_far, bool last) {
    const char *word = WORDS[(size_t)so_far % (sizeof WORDS / sizeof *WORDS)];
    switch (shape) {
    case OPENAI_CHAT:
        put_event(out, NULL, CHAT "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
                  "\"finish_reason\":null}],\"usage\":null}", serial, word);
        break;
    case ANTHROPIC:
        put_event(out, "content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                  "\"text_delta\",\"text\":\"%s\"}}", word);
        break;
    case GEMINI:
        put_event(out, NULL, CANDIDATE METADATA "\"modelVersion\":\"truth\",\"responseId\":\"r%ld\"}",
                  word, last ? ",\"finishReason\":\"STOP\"" : "", serial, so_far, serial + so_far, serial);
    }
}

static void put_ending(Buffer *out, Shape shape, long serial, int tokens) {
    if (shape == OPENAI_CHAT) {
        put_event(out, NULL, CHAT "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
                  "\"stop\"}],\"usage\":null}", serial);
        put_event(out, NULL, CHAT "\"choices\":[]," USAGE, serial, serial, tokens, serial + tokens);
        put_event(out, NULL, "[DONE]");
    }
    if (shape == ANTHROPIC) {
        put_event(out, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}");
        put_event(out, "message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                  "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}", tokens);
        put_event(out, "message_stop", "{\"type\":\"message_stop\"}");
    }
    put(out, "0\r\n\r\n");
}

/* Return the wire format that a target asks for, -1 where it asks for no answer of a model. */
static int shape_of(const char *target) {
    if (strstr(target, "/chat/completions"))
        return OPENAI_CHAT;
    if (strstr(target, "/messages"))
        return ANTHROPIC;
    return strstr(target, ":streamGenerateContent") ? GEMINI : -1;
}

#endif

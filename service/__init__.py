"""The HTTP service: `python -m service`, or `create_app(settings)` for any ASGI server.

The way of a request:

    protocol, transport           connections, closed if they bring no request; a quick no
    middleware, security, head    around each: its id, metrics and log; limits; HEAD as GET
    gate, room                    an early no, where there is no room; how much there is
    direct, routes/               its endpoint, the shortest way
    schemas/, parsing             its path, query and body; what answers hold
    admission, keys               who may ask, how much, of which model
    subject                       what is to be seen: seeds, latents, a way between two seeds
    pipeline, scheduler           the queue, the deadline, a client that leaves
    lane, job                     who is next, batches, what they give
    gallery, engine, deadline     the model that answers, and the kernels that run it
    images, answers               pictures encoded, and the response that carries them
    tarstream, ustar              any number of them as a tar
    errors                        whatever goes wrong, as a problem of RFC 9457

What it stands on:

    app, context, settings        wiring, from the environment
    arguments                     the command line
    state/, versions              votes, cache, allowances and swaps, shared through Redis or not
    exchange, metrics, logs, tracing    what is known and told of each request

What more it does:

    arena, tokens                 the blind vote
    experiment                    variant=auto
    comparison, likeness, strips  variants side by side
    page, web/                    the playground
    openapi, reference            the interface, for programs and for people
    bulk/                         millions of images, without HTTP
"""

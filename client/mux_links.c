/* All forwarded connections. */
#include "client/mux_links.h"

bool
mux_links_full(const struct mux_links *links)
{
    return links->count == MUX_LINKS_MAX;
}

void
mux_links_add(struct mux_links *links, struct mux_link *link, bool owned)
{
    if (link == NULL)
        return;
    links->all[links->count].link = link;
    links->all[links->count].owned = owned;
    links->all[links->count].polls = 0;
    links->count++;
}

void
mux_links_let_go(struct mux_links *links, struct mux_link *link)
{
    size_t i;

    for (i = 0; i < links->count; i++)
        if (links->all[i].link == link) {
            links->all[i].owned = false;
            mux_link_abandon(link);
        }
}

size_t
mux_links_poll(struct mux_links *links, struct pollfd *polls)
{
    size_t used = 0;
    size_t i;

    for (i = 0; i < links->count; i++) {
        links->all[i].polled = used;
        links->all[i].polls = mux_link_poll(links->all[i].link, polls + used);
        used += links->all[i].polls;
    }
    return used;
}

void
mux_links_ready(struct mux_links *links, const struct pollfd *polls)
{
    size_t i;

    for (i = 0; i < links->count; i++)
        if (links->all[i].polls > 0)
            mux_link_ready(links->all[i].link, polls + links->all[i].polled);
}

void
mux_links_step(struct mux_links *links, size_t turn)
{
    size_t count = links->count; /* those that come meanwhile come last */
    size_t i;

    for (i = 0; i < count; i++)
        mux_link_step(links->all[(turn + i) % count].link);
    for (; i < links->count; i++)
        mux_link_step(links->all[i].link);
}

static bool
is_over(const struct mux_link *link)
{
    enum mux_link_state state = mux_link_state(link);

    return state == MUX_LINK_REFUSED || state == MUX_LINK_ENDED;
}

void
mux_links_sweep(struct mux_links *links)
{
    size_t i = 0;

    while (i < links->count)
        if (!links->all[i].owned && is_over(links->all[i].link)) {
            mux_link_free(&links->all[i].link);
            links->all[i] = links->all[--links->count];
        } else {
            i++;
        }
}

bool
mux_links_have_clock(const struct mux_links *links)
{
    size_t i;

    for (i = 0; i < links->count; i++)
        if (mux_link_has_clock(links->all[i].link))
            return true;
    return false;
}

void
mux_links_end(struct mux_links *links)
{
    while (links->count > 0) {
        struct mux_link *link = links->all[--links->count].link;

        mux_link_abandon(link);
        mux_link_free(&link);
    }
}

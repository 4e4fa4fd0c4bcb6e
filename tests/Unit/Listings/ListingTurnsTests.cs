using Selvedge.Channels;
using Selvedge.Listings;

namespace Selvedge.Tests.Unit.Listings;

/// <summary>What a listing's document makes of what is heard, where the moment decides.</summary>
public class ListingTurnsTests
{
    static readonly DateTimeOffset Noon = new(2026, 11, 2, 12, 0, 0, TimeSpan.Zero);
    static readonly ChannelTraits Traits = new() { MostAtOnce = 10, Decrements = true, PollEvery = TimeSpan.FromMinutes(1) };

    static Listing Shows(long units, DateTimeOffset at) => ListingTurns.Due(new()
    {
        Id = ":A", Channel = "c", Sku = "A", Item = "A", Status = ListingStatus.Live, Desired = new(3, units, false, units, at, at, null, null, ""), Known = new(units, at), Published = new(3, units, false, at, at.AddSeconds(40)),
    });

    [Fact]
    public void A_sale_while_a_number_was_on_its_way_makes_it_unknown_and_one_after_it_is_taken_off()
    {
        var shown = Shows(50, Noon);
        Assert.Null(shown.Due);
        var during = ListingTurns.Sold(shown, new("o1", 3, Noon.AddSeconds(20)));
        Assert.Null(during.Believed);
        Assert.Equal(Urgency.Drop, during.Next!.Value.What);
        var read = ListingTurns.Shown(during with { Desired = during.Desired! with { Version = 4, Units = 47 } }, 50, Noon.AddSeconds(60), Traits, decrements: true, Noon.AddSeconds(60));
        Assert.Equal((50L, Urgency.Drop, null), (read.Believed, read.Next!.Value.What, read.Suspect));
        Assert.Equal(47, ListingTurns.Sold(shown, new("o1", 3, Noon.AddSeconds(41))).Believed);
    }

    [Fact]
    public void What_was_submitted_and_shows_already_is_nobodys_edit()
    {
        var shown = Shows(50, Noon);
        var asked = ListingTurns.Ask(shown with { Desired = shown.Desired! with { Version = 4, Units = 30 } }, 30, "run", Noon.AddMinutes(5));
        var pending = asked with { Asked = asked.Asked! with { Submission = "feed-1" }, VerifyAt = Noon.AddMinutes(7) };
        var read = ListingTurns.Shown(pending, 30, Noon.AddMinutes(6), Traits, decrements: true, Noon.AddMinutes(6));
        Assert.Equal((30L, null, "feed-1"), (read.Believed, read.Suspect, read.Asked!.Submission));
        Assert.NotNull(ListingTurns.Shown(pending, 44, Noon.AddMinutes(6), Traits, decrements: true, Noon.AddMinutes(6)).Suspect);
    }

    [Fact]
    public void A_refusal_puts_off_its_own_number_only()
    {
        var refused = Shows(50, Noon) with { Desired = new(4, 60, false, 60, Noon, Noon, null, null, ""), Refused = 4, NotBefore = Noon.AddMinutes(30) };
        Assert.Equal(Noon.AddMinutes(30), ListingTurns.Due(refused).Next!.Value.At);
        var fewer = ListingTurns.Due(refused with { Desired = refused.Desired! with { Version = 5, Units = 0 } });
        Assert.Equal((Urgency.Drop, Noon), fewer.Next!.Value);
    }
}

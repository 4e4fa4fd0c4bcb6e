namespace Selvedge.Orders;

/// <summary>Which surface a channel's system is, and how long the people behind its orders are kept.</summary>
public static class Surfaces
{
    /// <summary>The surface of a channel whose system is <paramref name="system"/> (a channel's <c>kind</c>); a shop of one's own when it is no other.</summary>
    public static Surface Of(string system) => system switch
    {
        "amazon" or "mirakl" or "zalando" or "iconic" or "sellercenter" or "marketplace" => Surface.Marketplace,
        "wholesale" or "joor" or "nuorder" or "edi" => Surface.Wholesale,
        "b2b" or "portal" => Surface.B2b,
        "pos" or "lightspeed" or "square" => Surface.Pos,
        _ => Surface.Dtc,
    };

    /// <summary>How long names and addresses are kept: marketplaces want them gone soon after shipping (Amazon: 30 days), trade customers'
    /// stay for their returns and disputes.</summary>
    public static TimeSpan PeopleKept(Surface surface) => TimeSpan.FromDays(surface switch
    {
        Surface.Marketplace => 60,
        Surface.Pos => 90,
        Surface.Wholesale or Surface.B2b => 730,
        _ => 180,
    });
}

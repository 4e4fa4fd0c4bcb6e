using CsCheck;
using Selvedge.Inbound;

namespace Selvedge.Tests.Unit.Inbound;

public sealed class InboundRecordTests
{
    static readonly DateTimeOffset At = new(2026, 11, 23, 9, 15, 0, 123, TimeSpan.Zero);

    [Fact]
    public void Whatever_bytes_came_come_back_the_same() =>
        Gen.OneOf(Gen.Byte.Array[0, 200], Gen.String.Select(System.Text.Encoding.UTF8.GetBytes), Gen.Const<byte[]>([0xEF, 0xBB, 0xBF, (byte)'{', (byte)'}'])).Sample(bytes =>
        {
            var line = (new InboundRecord { At = At, Channel = "shop", Topic = "orders/create" }.With(bytes)).ToLine();
            Assert.DoesNotContain((byte)'\n', line);
            Assert.Equal(bytes, InboundRecord.FromLine(line)!.BytesOf());
        });

    [Theory]
    [InlineData("Authorization"), InlineData("proxy-authorization"), InlineData("Cookie"), InlineData("X-Shopify-Access-Token"), InlineData("x-api-key"), InlineData("X-Functions-Key"), InlineData("Client-Secret")]
    public void Headers_that_let_their_bearer_in_are_not_kept(string name) => Assert.False(InboundHeaders.IsKept(name));

    [Theory]
    [InlineData("X-Shopify-Hmac-SHA256"), InlineData("Content-Type"), InlineData("X-Shopify-Webhook-Id"), InlineData("User-Agent")]
    public void Others_are(string name) => Assert.True(InboundHeaders.IsKept(name));

    [Theory]
    [InlineData("shop"), InlineData(".."), InlineData("shop.au"), InlineData("my shop ü"), InlineData("A-1_b")]
    public void An_id_leads_back_to_its_segment_offset_and_line(string channel)
    {
        var folder = ArchiveNames.FolderOf(channel);
        Assert.Equal(folder, ArchiveNames.FolderOfOrder(Selvedge.Platform.Ids.Order(channel, "5:1")));
        Assert.DoesNotContain('.', folder);
        Assert.DoesNotContain('/', folder);
        var segment = ArchiveNames.Segment(folder, At, 0xABCD);
        Assert.Equal((segment, 123456L, 7), ArchiveNames.Parse(ArchiveNames.Id(segment, 123456, 7)));
        Assert.Equal(At, ArchiveNames.StartOf(segment));
    }

    [Theory]
    [InlineData(""), InlineData("x1"), InlineData("../../etc.20261123.091500000-0000abcd.0.0"), InlineData("..20261123.091500000-0000abcd.0.0"), InlineData("a.20261123.091500000-0000abcd.0"),
     InlineData("a/b.20261123.091500000-0000abcd.0.0"), InlineData("a.20261123.091500000-0000abcd.99999999999999999999.0")]
    public void What_is_no_id_leads_nowhere(string id) => Assert.Null(ArchiveNames.Parse(id));
}

using System.IO.Compression;
using System.Text;
using CsCheck;
using Selvedge.Inbound;

namespace Selvedge.Tests.Unit.Inbound;

/// <summary>A segment's members: what zcat reads, what is read at an offset, what a crash or a full disk leaves.</summary>
public sealed class ArchiveMemberTests
{
    static readonly Gen<string> Line = Gen.String[Gen.Char['0', '~'], 1, 400];
    static readonly Gen<string[][]> Groups = Line.Array[1, 6].Array[1, 6];

    static byte[] Pack(IEnumerable<string> lines, int? length = null) => ArchiveMember.Pack(lines.Select(line => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(line)), length)!;

    [Fact]
    public void A_segment_is_a_gzip_file_of_its_lines() => Groups.Sample(groups =>
    {
        using var zcat = new StreamReader(new GZipStream(new MemoryStream([.. groups.SelectMany(group => Pack(group))]), CompressionMode.Decompress));
        Assert.Equal(string.Concat(groups.SelectMany(group => group.Select(line => line + "\n"))), zcat.ReadToEnd());
    });

    [Fact]
    public void Members_are_found_one_after_another_and_one_cut_off_is_no_member() => Gen.Select(Groups, Gen.Int[0, 1_000_000]).Sample((groups, cut) =>
    {
        var members = groups.Select(group => Pack(group)).ToArray();
        byte[] all = [.. members.SelectMany(member => member)];
        var length = cut % (all.Length + 1);
        var (at, found) = (0, 0);
        while (ArchiveMember.LengthOf(all.AsSpan(at, length - at)) is > 0 and var member && member <= length - at)
        {
            Assert.Equal(groups[found++], ArchiveMember.Unpack(all, at, member)!.Select(Encoding.UTF8.GetString));
            at += member;
        }
        var whole = 0;
        for (var sum = 0; whole < members.Length && sum + members[whole].Length <= length; whole++) sum += members[whole].Length;
        Assert.Equal(whole, found);
    });

    [Fact]
    public void A_member_is_filled_up_to_exactly_the_length_asked_for() => Gen.Select(Line.Array[1, 5], Gen.OneOf(Gen.Int[0, 300], Gen.Int[64_900, 65_100], Gen.Int[100_000, 200_000])).Sample((lines, more) =>
    {
        var length = Pack(lines).Length + more;
        var filled = Pack(lines, length);
        Assert.Equal(length, filled.Length);
        using var zcat = new StreamReader(new GZipStream(new MemoryStream(filled), CompressionMode.Decompress));
        Assert.Equal(string.Concat(lines.Select(line => line + "\n")), zcat.ReadToEnd());
        Assert.Equal(lines, ArchiveMember.Unpack(filled, 0, ArchiveMember.LengthOf(filled))!.Select(Encoding.UTF8.GetString));
    });

    [Fact]
    public void A_damaged_member_is_passed_over_and_the_next_one_read()
    {
        var (first, second) = (Pack(["{\"a\":1}"]), Pack(["{\"at\":\"2026-11-23T09:15:00.000Z\",\"channel\":\"shop\",\"topic\":\"t\",\"kind\":\"webhook\",\"verdict\":\"accepted\",\"status\":200,\"size\":0}"]));
        first[^9] ^= 0xff;
        var record = Assert.Single(InboundSearch.Records("shop/2026-11-23/091500000-0000abcd.ndjson.gz", [.. first, .. second]));
        Assert.Equal(("shop", $"shop.20261123.091500000-0000abcd.{first.Length}.0"), (record.Channel, record.Id));
    }
}

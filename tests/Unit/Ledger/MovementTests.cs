using System.Text;
using CsCheck;
using Selvedge.Ledger;
using Selvedge.Ledger.Rules;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Ledger;

public sealed class MovementTests
{
    static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    static Movement Parse(string json) => Movement.Parse(RequestFields.Parse(Encoding.UTF8.GetBytes(json)), Now);

    static readonly Gen<string> Good = Gen.Select(Gen.Enum<MovementKind>(), Gen.Long[1, 10_000_000], Gen.Bool, Gen.Int[0, 3]).Select((kind, quantity, gone, end) =>
    {
        var to = kind switch
        {
            MovementKind.Transfer => "\"ST1\"",
            MovementKind.Receive => end == 0 ? "\"quarantine\"" : null,
            MovementKind.Return => end switch { 0 => "\"quarantine\"", 1 => "\"damage\"", _ => null },
            MovementKind.Grade => end == 0 ? "\"damage\"" : null,
            MovementKind.Adjust => end switch { 0 => "\"damage\"", 1 => "\"sample\"", 2 => "\"unexplained\"", _ => null },
            _ => null,
        };
        var word = char.ToLowerInvariant(kind.ToString()[0]) + kind.ToString()[1..];
        return $$"""{"id":"m-1","kind":"{{word}}","sku":"TEE-M","location":"WH1","bin":"A-01","quantity":{{(kind == MovementKind.Adjust && gone ? -quantity : quantity)}}{{(to is null ? "" : ",\"to\":" + to)}}{{(kind == MovementKind.Relocate ? ",\"toBin\":\"B-02\"" : "")}},"reason":"why"}""";
    });

    [Fact]
    public void Every_movement_that_is_read_is_one_the_ledger_may_post() => Good.Sample(json =>
    {
        var command = Parse(json).ToCommand("TEE-M", "Ana");
        Assert.Equal("mv:m-1", command.Key);
        if (command is Post post) Assert.True(Postings.IsLegal(post.Kind, post.From, post.To) && post.Quantity > 0, $"{post.Kind} {post.From} → {post.To}");
        else Assert.IsType<Count>(command);
    });

    [Fact]
    public void Bytes_that_are_damaged_anywhere_are_refused_with_400_or_read_never_anything_else() =>
        Gen.Select(Good, Gen.Select(Gen.Int[0, 400], Gen.Byte, Gen.Int[0, 2]).Array[1, 6]).Sample((json, damages) =>
        {
            var bytes = Encoding.UTF8.GetBytes(json).ToList();
            foreach (var (at, with, how) in damages)
            {
                var place = at % bytes.Count;
                if (how == 0) bytes[place] = with;
                else if (how == 1) bytes.Insert(place, with);
                else if (bytes.Count > 1) bytes.RemoveAt(place);
            }
            try
            {
                Movement.Parse(RequestFields.Parse(bytes.ToArray()), Now).ToCommand("TEE-M", "Ana");
            }
            catch (ProblemException problem)
            {
                Assert.Equal(400, problem.Status);
            }
        }, iter: 20_000);

    [Theory]
    [InlineData("\"effectiveAt\":\"2026-11-23T12:04:00Z\"", "2026-11-23T12:04:00.000Z")]
    [InlineData("\"effectiveAt\":\"2026-11-20T09:15:00.1239+11:00\"", "2026-11-19T22:15:00.123Z")]
    public void The_effective_time_is_an_instant_cut_to_milliseconds(string member, string expected)
    {
        var movement = Parse($$"""{"id":"m","kind":"count","sku":"S","location":"WH1","quantity":0,{{member}}}""");
        Assert.Equal(expected, InstantConverter.Text(movement.EffectiveAt!.Value));
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var problem = Assert.Throws<ProblemException>(() => Parse("""{"id":"a/b","kind":"receive","sku":"","location":"WH1","quantity":1.5,"unitCost":-1}"""));
        Assert.Equal(["/id", "/quantity", "/sku", "/unitCost"], ((IEnumerable<object>)problem.Members["errors"]!).Cast<Fault>().Select(fault => fault.Pointer).Order());
    }
}

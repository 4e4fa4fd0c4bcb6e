using CsCheck;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Platform;

public class IdsTests
{
    static readonly Gen<string> Part = Gen.OneOf(Gen.String[Gen.Char["ab:/\\?#%~ é\u0001"], 0, 12], Gen.String[Gen.Char['a', 'z'], 0, 400],
        Gen.Int[0, 3].Select(n => new[] { "🧥", "%3A", "~3A", "' OR 1=1 --" }[n]));

    [Fact]
    public void DifferentParts_NeverGiveTheSameId() =>
        Gen.Select(Part.Array[1, 4], Part.Array[1, 4]).Sample((a, b) => Assert.Equal(a.SequenceEqual(b), Ids.Join(a) == Ids.Join(b)), iter: 20_000);

    [Fact]
    public void AnId_HasNothingCosmosForbids_AndNoPercent_AndFits() =>
        Gen.Select(Part, Part, Part).Sample((order, line, place) =>
        {
            foreach (var id in new[] { Ids.Claim(order, line, place), Ids.Entry(Ids.Revision(order, line, 7)), Ids.Entry(Ids.Shipment(order, line, place)), Ids.Order(order, line) })
            {
                Assert.InRange(id.Length, 1, Ids.CosmosLimit);
                Assert.DoesNotContain(id, c => c is '/' or '\\' or '?' or '#' or '%' or ' ' || char.IsControl(c));
            }
        }, iter: 20_000);

    [Fact]
    public void AllOfALine_StartsWithItsPrefix_HoweverLongItsIdsAre() =>
        Gen.Select(Part, Part, Part).Sample((order, line, place) =>
        {
            Assert.StartsWith(Ids.ClaimPrefix(order, line), Ids.Claim(order, line, place), StringComparison.Ordinal);
            Assert.StartsWith(Ids.LinePrefix(order, line), Ids.Entry(Ids.Revision(order, line, long.MaxValue)), StringComparison.Ordinal);
            Assert.StartsWith(Ids.LinePrefix(order, line), Ids.Entry(Ids.Shipment(order, line, place)), StringComparison.Ordinal);
        }, iter: 20_000);

    [Theory]
    [InlineData("shop", "1001", "shop:1001")]
    [InlineData("shop", "#10/01", "shop:~2310~2F01")]
    [InlineData("a:b", "c", "a~3Ab:c")]
    [InlineData("50%", "~", "50~25:~7E")]
    public void AnId_ReadsAsItWasMade(string a, string b, string id) => Assert.Equal(id, Ids.Order(a, b));

    [Fact]
    public void ALoneSurrogate_IsRefused() => Assert.Throws<ArgumentException>(() => Ids.Join(["a\ud800"]));
}

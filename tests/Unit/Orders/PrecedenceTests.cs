using Selvedge.Orders;

namespace Selvedge.Tests.Unit.Orders;

public class PrecedenceTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static IReadOnlyList<Precedence.Hand> Take(Precedence precedence, int orders) => [.. Enumerable.Range(0, orders).Select(_ => precedence.Take())];

    [Fact]
    public void While_few_orders_are_in_hand_everything_goes_on_at_once()
    {
        using var precedence = new Precedence(TimeProvider.System);
        Take(precedence, 7);
        Assert.All(Enumerable.Range(0, 50).Select(_ => precedence.TurnAsync()), turn => Assert.True(turn.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task While_some_are_sixteen_go_on_at_a_time_and_each_that_ends_lets_another_begin()
    {
        using var precedence = new Precedence(TimeProvider.System);
        Take(precedence, 20);
        var turns = Enumerable.Range(0, 17).Select(_ => precedence.TurnAsync().AsTask()).ToList();
        await Task.WhenAll(turns[..16]).WaitAsync(Cancel);
        Assert.False(turns[16].IsCompleted);
        (await turns[3]).Dispose();
        Assert.NotEqual(default, await turns[16].WaitAsync(Cancel));
    }

    [Fact]
    public async Task While_many_are_nothing_is_begun_until_they_are_fewer()
    {
        using var precedence = new Precedence(TimeProvider.System);
        var hands = Take(precedence, 21);
        var turn = precedence.TurnAsync().AsTask();
        Assert.False(turn.IsCompleted);
        foreach (var hand in hands) hand.Dispose();
        Assert.Equal(default, await turn.WaitAsync(Cancel));
    }
}

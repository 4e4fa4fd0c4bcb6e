using System.Text;
using Azure.Storage.Blobs;
using Microsoft.Extensions.DependencyInjection;
using Selvedge.Inbound;
using Selvedge.Platform;
using Selvedge.Tests.Integration.Functions;
using Selvedge.Tests.Integration.Survival;

namespace Selvedge.Tests.Integration.Inbound;

/// <summary>Both places of the archive keep the same promises: a folder, and Azure Storage (Azurite stands for it).</summary>
public abstract class ArchiveStoreTests
{
    internal abstract ArchiveStore Store { get; }

    static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    async Task<string?> TextAsync(string name, long offset = 0, int count = int.MaxValue) => await Store.ReadAsync(name, offset, count) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    [Fact]
    public async Task What_was_appended_is_there_once_although_an_answer_was_lost_and_it_was_appended_again()
    {
        await Store.AppendAsync("a/2026-11-23/x", 0, Bytes("one "));
        await Store.AppendAsync("a/2026-11-23/x", 0, Bytes("one "));
        await Store.AppendAsync("a/2026-11-23/x", 4, Bytes("two "));
        await Store.AppendAsync("a/2026-11-23/x", 4, Bytes("two "));
        await Store.AppendAsync("a/2026-11-23/x", 8, Bytes("three"));
        Assert.Equal("one two three", await TextAsync("a/2026-11-23/x"));
        Assert.Equal(("two", "three", "", null), (await TextAsync("a/2026-11-23/x", 4, 3), await TextAsync("a/2026-11-23/x", 8, 1000), await TextAsync("a/2026-11-23/x", 13, 10), await TextAsync("a/2026-11-23/y")));
    }

    [Fact]
    public async Task Objects_and_folders_are_listed_in_order_and_gone_when_deleted()
    {
        foreach (var name in (string[])["l/2026-11-24/b", "l/2026-11-23/b", "l/2026-11-23/a", "m~2E/2026-11-23/ü"]) await Store.PutAsync(name, Bytes(name));
        Assert.Superset(new HashSet<string> { "l", "m~2E" }, (await Store.FoldersAsync("")).ToHashSet());
        Assert.Equal(["2026-11-23", "2026-11-24"], await Store.FoldersAsync("l/"));
        Assert.Equal(["l/2026-11-23/a", "l/2026-11-23/b"], await Store.ListAsync("l/2026-11-23/"));
        Assert.Equal("m~2E/2026-11-23/ü", await TextAsync("m~2E/2026-11-23/ü"));
        await Store.DeleteAsync("l/2026-11-24/b");
        await Store.DeleteAsync("l/2026-11-24/b");
        Assert.Equal(["2026-11-23"], await Store.FoldersAsync("l/"));
        Assert.Empty(await Store.ListAsync("nothing/2026-11-23/"));
    }

    [Fact]
    public async Task An_object_is_rewritten_whole_or_stays()
    {
        await Store.AppendAsync("r/2026-11-23/x", 0, Bytes("before"));
        Store.Close("r/2026-11-23/x");
        await Store.RewriteAsync("r/2026-11-23/x", _ => null);
        Assert.Equal("before", await TextAsync("r/2026-11-23/x"));
        await Store.RewriteAsync("r/2026-11-23/x", bytes => Bytes(Encoding.UTF8.GetString(bytes).ToUpperInvariant()));
        Assert.Equal("BEFORE", await TextAsync("r/2026-11-23/x"));
        await Store.RewriteAsync("r/2026-11-23/none", _ => Bytes("made up"));
        Assert.Null(await TextAsync("r/2026-11-23/none"));
    }
}

public sealed class FolderArchiveTests : ArchiveStoreTests, IDisposable
{
    readonly TempFolder folder = new();
    readonly FolderArchive store;

    public FolderArchiveTests() => store = new(folder.Path);

    internal override ArchiveStore Store => store;

    public void Dispose()
    {
        store.Dispose();
        folder.Dispose();
    }
}

public sealed class BlobArchiveTests : ArchiveStoreTests, IAsyncLifetime
{
    Azurite? azurite;

    internal override ArchiveStore Store => new BlobArchive(new BlobContainerClient(azurite!.Connection, "inbound", BlobArchive.Options));

    public async ValueTask InitializeAsync()
    {
        azurite = await Azurite.StartAsync();
        Assert.SkipWhen(azurite is null, "Azurite is not installed: npm install -g azurite, or name its azurite-blob in AZURITE.");
    }

    public async ValueTask DisposeAsync()
    {
        if (azurite is not null) await azurite.DisposeAsync();
    }

    [Fact]
    public async Task What_another_writer_added_is_never_written_over()
    {
        var store = Store;
        await store.AppendAsync("o/2026-11-23/x", 0, "mine"u8.ToArray());
        await store.AppendAsync("o/2026-11-23/x", 4, "theirs"u8.ToArray());
        await Assert.ThrowsAsync<SegmentClosedException>(() => store.AppendAsync("o/2026-11-23/x", 4, "mine too"u8.ToArray()));
        await store.RewriteAsync("o/2026-11-23/x", bytes => bytes);
        await Assert.ThrowsAsync<SegmentClosedException>(() => store.AppendAsync("o/2026-11-23/x", 10, "late"u8.ToArray()));
    }

    [Fact]
    public async Task The_app_keeps_finds_and_erases_messages_in_it_and_goes_on_writing_after_a_segment_was_rewritten()
    {
        await using var app = await AppFixture.StartAsync(args: ["--Secrets:shop", ShopifySender.Secret, "--Inbound:Storage", azurite!.Connection]);
        await app.SeedAsync("TEE", 10);
        await app.Client.PutAsync("/api/channels/shop", new { kind = "shopify", locations = new[] { "WH1" }, secret = "shop" }.AsJson()).OkAsync();
        using var shop = app.ClientWith(null);
        for (var i = 1; i <= 3; i++) await ShopifySender.SendAsync(shop, ShopifySender.Order(i, ("TEE", 1))).OkAsync();
        Assert.Equal(1, await app.Services.GetRequiredService<InboundErasure>().EraseAsync(["shop:2"], [], TestContext.Current.CancellationToken));
        await ShopifySender.SendAsync(shop, ShopifySender.Order(4, ("TEE", 1))).OkAsync();
        var messages = (await app.Client.GetAsync("/api/inbound").OkAsync()).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(["shop:4 False", "shop:3 False", "shop:2 True", "shop:1 False"], messages.Select(message => $"{message.GetProperty("order").GetString()} {message.TryGetProperty("erasedAt", out _)}"));
        var third = await app.Client.GetAsync($"/api/inbound/{messages[1].GetProperty("id").GetString()}").OkAsync();
        Assert.Equal(Encoding.UTF8.GetString(ShopifySender.Order(3, ("TEE", 1))), third.GetProperty("body").GetString());
        Assert.False(Directory.Exists(Path.Combine(app.Folder, "inbound")));
    }
}

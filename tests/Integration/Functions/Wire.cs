using System.Net.Sockets;
using System.Text;

namespace Selvedge.Tests.Integration.Functions;

/// <summary>Requests HttpClient would not send.</summary>
internal static class Wire
{
    /// <summary>Sends <paramref name="request"/> as it is; yields what came back until the server closed or the first header block ended.</summary>
    public static async Task<string> SendAsync(string url, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(url).Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        var received = new StringBuilder();
        var buffer = new byte[4096];
        while (!received.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken);
            if (read == 0) { break; }
            received.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        return received.ToString();
    }
}

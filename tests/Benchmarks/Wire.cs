using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Selvedge.Tests.Benchmarks;

/// <summary>One keep-alive connection; HTTP/1.1 as far as the load drivers need it. A plain socket, so that a driver takes little of the machine that it shares with the app.</summary>
internal sealed class Wire : IDisposable
{
    readonly Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    byte[] buffer = new byte[16_384];

    public static async Task<Wire> OpenAsync(IPEndPoint address)
    {
        var wire = new Wire();
        await wire.socket.ConnectAsync(address);
        return wire;
    }

    /// <summary>Sends a request and reads its whole answer. <paramref name="headers"/>: lines of their own, each with its end.</summary>
    public async Task<(int Status, string Body)> SendAsync(string method, string path, ReadOnlyMemory<byte> body, string headers = "")
    {
        var head = Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n{headers}\r\n");
        await socket.SendAsync((ArraySegment<byte>[])[head, body.ToArray()]);
        var length = 0;
        while (!IsWhole(buffer.AsSpan(0, length)))
        {
            if (length == buffer.Length) Array.Resize(ref buffer, length * 2);
            if (await socket.ReceiveAsync(buffer.AsMemory(length)) is not (> 0 and var read)) throw new InvalidOperationException($"{method} {path}: the connection was closed.");
            length += read;
        }
        return Parse(buffer.AsSpan(0, length));
    }

    static (int, string) Parse(ReadOnlySpan<byte> answer)
    {
        var status = int.Parse(answer[9..12], NumberStyles.None, CultureInfo.InvariantCulture);
        var end = answer.IndexOf("\r\n\r\n"u8);
        var rest = answer[(end + 4)..];
        if (answer[..end].IndexOf("Content-Length: "u8) >= 0) return (status, Encoding.UTF8.GetString(rest));
        var text = new StringBuilder();
        while (rest.IndexOf("\r\n"u8) is > 0 and var line && int.Parse(rest[..line], NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var size)
        {
            text.Append(Encoding.UTF8.GetString(rest.Slice(line + 2, size)));
            rest = rest[(line + 2 + size + 2)..];
        }
        return (status, text.ToString());
    }

    // A whole answer: its last chunk, or as many bytes as its head says.
    static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;
        var at = answer[..end].IndexOf("Content-Length: "u8);
        if (at < 0) return answer.EndsWith("\r\n0\r\n\r\n"u8) || answer.StartsWith("HTTP/1.1 204"u8);
        var text = answer[(at + 16)..end];
        if (text.IndexOf((byte)'\r') is >= 0 and var line) text = text[..line];
        return answer.Length >= end + 4 + int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    public void Dispose() => socket.Dispose();
}

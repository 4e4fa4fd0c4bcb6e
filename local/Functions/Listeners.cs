using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Selvedge.Local.Functions;

/// <summary>The host's sockets, bound before Kestrel starts: so a taken port is one clear message, and port 0 gives IPv4 and
/// IPv6 the same free port, which Kestrel by itself cannot do for localhost.</summary>
internal sealed class Listeners : IDisposable
{
    private const int FreePortTries = 20;

    private readonly Dictionary<EndPoint, Socket> bound = [];

    /// <summary>What is bound and not yet handed to Kestrel.</summary>
    public IReadOnlyCollection<EndPoint> EndPoints => bound.Keys;

    /// <summary>How <paramref name="host"/> is reached from this machine.</summary>
    public static string UrlHost(string host) => !IPAddress.TryParse(host, out var address) ? host == "*" ? "localhost" : host
        : address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? "localhost"
        : address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : host;

    /// <summary>Binds the configured address; yields the port.</summary>
    /// <exception cref="LocalHostException">It cannot be bound; the message says how to choose another.</exception>
    public int Bind(LocalSettings settings)
    {
        var addresses = Addresses(settings.Host);
        for (var tries = 1; ; tries++)
        {
            try
            {
                var port = Bind(addresses[0], settings.Port);
                foreach (var address in addresses.Skip(1)) { Bind(address, port); }
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse && settings.Port == LocalSettings.AnyPort && tries < FreePortTries)
            {
                // Free on IPv4, taken on IPv6: another free port will do.
                Dispose();
            }
            catch (SocketException refused)
            {
                Dispose();
                throw new LocalHostException(ExitCode.Address, Explain(settings, refused), refused);
            }
        }
    }

    /// <summary>Hands the socket bound to <paramref name="endPoint"/> to Kestrel.</summary>
    public Socket Take(EndPoint endPoint) => bound.Remove(endPoint, out var socket) ? socket : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);

    /// <summary>Closes what Kestrel has not taken.</summary>
    public void Dispose()
    {
        foreach (var socket in bound.Values) { socket.Dispose(); }
        bound.Clear();
    }

    private int Bind(IPAddress address, int port)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(new IPEndPoint(address, port));
        var endPoint = new IPEndPoint(address, ((IPEndPoint)socket.LocalEndPoint!).Port);
        bound[endPoint] = socket;
        return endPoint.Port;
    }

    private static IPAddress[] Addresses(string host)
    {
        if (host == "*") { return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any]; }
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase)) { return CanBind(IPAddress.IPv6Loopback) ? [IPAddress.Loopback, IPAddress.IPv6Loopback] : [IPAddress.Loopback]; }
        return IPAddress.TryParse(host, out var address)
            ? [address]
            : throw new LocalHostException(ExitCode.Settings, $"--host '{host}' is not an address. Give localhost, * for all addresses, or an IP address of this machine.");
    }

    // Containers often have IPv6 compiled in but no ::1 configured.
    private static bool CanBind(IPAddress address)
    {
        if (!Socket.OSSupportsIPv6) { return false; }
        try
        {
            using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Explain(LocalSettings settings, SocketException refused) => refused.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => $"Port {settings.Port} is taken by another program. Stop it, or choose another port with --port {(settings.Port < 65535 ? settings.Port + 1 : 7071)} or SELVEDGE_PORT.",
        SocketError.AccessDenied => $"Port {settings.Port} may not be opened by this user. Choose one above 1023 with --port or SELVEDGE_PORT.",
        SocketError.AddressNotAvailable => $"{settings.Host} is not an address of this machine. Give --host localhost, * for all addresses, or one of its IP addresses.",
        _ => $"{settings.Host}, port {settings.Port}, cannot be listened on: {refused.Message}.",
    };
}
